package mns

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// marked begins a body that came as base64 because XML could not hold it, or
// because it would have been taken for base64 itself.
const marked = "base64:"

// wrap returns the text that stands for body in a message. Text goes as it is:
// JSON stays readable in MNS's console and in an event stream, and 64 KiB stay
// 64 KiB. MNS's pages advise base64 against trouble with special characters;
// escaping is no trouble to an XML encoder.
func (q *Queue) wrap(body []byte) (string, error) {
	text := string(body)
	if !fits(body) || !bytes.Equal(unwrap(text), body) {
		text = marked + base64.StdEncoding.EncodeToString(body)
	}
	var err error
	switch {
	case len(body) > queue.MaxBody:
		err = fmt.Errorf("a body of %d bytes: a message takes %d", len(body), queue.MaxBody)
	case len(text) > queue.MaxBody:
		err = fmt.Errorf("a body of %d bytes that XML cannot hold: in base64 a message takes %d", len(body), (queue.MaxBody-len(marked))/4*3)
	default:
		return text, nil
	}
	return "", fault.New(fault.Invalid, "mns.Send", q.name, err)
}

// unwrap is the body that text stands for. Other programs send base64, as
// MNS's SDKs of other languages do unasked: base64 of a JSON object or array
// is taken for that, since plain text like it would be a rare accident.
// Anything else is as it came.
func unwrap(text string) []byte {
	if rest, ok := strings.CutPrefix(text, marked); ok {
		if body, err := strict.DecodeString(rest); err == nil {
			return body
		}
		return []byte(text)
	}
	// Of a JSON object or array, possibly after white space: a cheap look first.
	if len(text) >= 4 && len(text)%4 == 0 && strings.IndexByte("eWICD", text[0]) >= 0 {
		if body, err := strict.DecodeString(text); err == nil && isDocument(body) {
			return body
		}
	}
	return []byte(text)
}

var strict = base64.StdEncoding.Strict()

// isDocument reports whether body is a JSON object or array.
func isDocument(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed)
}

// fits reports whether body survives as XML text (XML 1.0, sections 2.2 and
// 2.11: the line end \r, if it is not escaped on the way back, becomes \n), and
// whether MNS takes it: an empty body it does not.
func fits(body []byte) bool {
	return len(body) > 0 && utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF
	})
}

var errDamaged = errors.New("a body whose MD5 is not the one that MNS tells: it was damaged on the way")
