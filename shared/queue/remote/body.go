package remote

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// Mark begins a body that came as base64 because the service takes no such
// characters, or because it would have been taken for one that did.
const Mark = "base64:"

var strict = base64.StdEncoding.Strict()

// Wrap returns the text that stands for body in a message, of which unwrap gives body back.
// Text goes as it is: JSON stays readable in the service's console and in a function's event.
// A body of more than MaxBody is Invalid.
func (l *Link) Wrap(body []byte, unwrap func(string) []byte) (string, error) {
	if len(body) > queue.MaxBody {
		return "", fault.New(fault.Invalid, l.op("Send"), l.Name, fmt.Errorf("a body of %d bytes: a message takes %d", len(body), queue.MaxBody))
	}
	text := string(body)
	if !fits(body) || !bytes.Equal(unwrap(text), body) {
		text = Mark + base64.StdEncoding.EncodeToString(body)
	}
	return text, nil
}

// Unmark is the body that a marked text stands for; ok is false of any other.
func Unmark(text string) (body []byte, ok bool) {
	rest, ok := strings.CutPrefix(text, Mark)
	if !ok {
		return nil, false
	}
	body, err := strict.DecodeString(rest)
	return body, err == nil
}

// fits reports whether the services take body as text: at least one character, all of them
// XML 1.0's (sections 2.2 and 2.11; SQS, SendMessage, names the same). A return is none of them:
// if it is not escaped on the way back, a reader of XML takes it for a newline.
func fits(body []byte) bool {
	return len(body) > 0 && utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF
	})
}

// SameSum reports whether sum, where there is one, is body's MD5.
func SameSum(sum, body string) bool {
	own := md5.Sum([]byte(body))
	return sum == "" || strings.EqualFold(sum, hex.EncodeToString(own[:]))
}

// Damaged is the cause where a body's MD5 is not the one that the service tells.
func (l *Link) Damaged() error {
	return fmt.Errorf("a body whose MD5 is not the one that %s tells: it was damaged on the way", strings.ToUpper(l.Service))
}
