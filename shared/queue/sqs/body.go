package sqs

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// marked begins a body that came as base64 because SQS takes no such
// characters, or because it would have been taken for one that did.
const marked = "base64:"

// wrap returns the text that stands for body in a message. Text goes as it is:
// JSON stays readable in the console and in a function's event.
func (q *Queue) wrap(body []byte) (string, error) {
	if len(body) > queue.MaxBody {
		return "", fault.New(fault.Invalid, "sqs.Send", q.name, fmt.Errorf("a body of %d bytes: a message takes %d", len(body), queue.MaxBody))
	}
	text := string(body)
	if !fits(body) || !bytes.Equal(unwrap(text), body) {
		text = marked + base64.StdEncoding.EncodeToString(body) // at most 88 KiB: SQS takes 256
	}
	return text, nil
}

// unwrap is the body that text stands for. Nothing else that sends to SQS
// encodes a body unasked, so anything without the mark is as it came.
func unwrap(text string) []byte {
	if rest, ok := strings.CutPrefix(text, marked); ok {
		if body, err := base64.StdEncoding.Strict().DecodeString(rest); err == nil {
			return body
		}
	}
	return []byte(text)
}

// fits reports whether SQS takes body: at least one character, all of them
// #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF,
// which are XML 1.0's (SQS, SendMessage). A return is kept where the protocol
// is JSON, but a client of the older one, which is XML, may read it as a
// newline: a body with one goes in base64.
func fits(body []byte) bool {
	return len(body) > 0 && utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF
	})
}

var errDamaged = errors.New("a body whose MD5 is not the one that SQS tells: it was damaged on the way")
