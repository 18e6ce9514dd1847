package mns

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// wrap returns the text that stands for body in a message. 64 KiB of text stay 64 KiB:
// MNS's pages advise base64 against trouble with special characters, but
// escaping is no trouble to an XML encoder.
func (q *Queue) wrap(body []byte) (string, error) {
	text, err := q.link.Wrap(body, unwrap)
	if err == nil && len(text) > queue.MaxBody {
		err = fault.New(fault.Invalid, "mns.Send", q.link.Name, fmt.Errorf("a body of %d bytes that XML cannot hold: in base64 a message takes %d", len(body), (queue.MaxBody-len(remote.Mark))/4*3))
	}
	return text, err
}

// unwrap is the body that text stands for. Other programs send base64, as
// MNS's SDKs of other languages do unasked: base64 of a JSON object or array
// is taken for that, since plain text like it would be a rare accident.
// Anything else is as it came.
func unwrap(text string) []byte {
	if body, ok := remote.Unmark(text); ok {
		return body
	}
	// Of a JSON object or array, possibly after white space: a cheap look first.
	if len(text) >= 4 && len(text)%4 == 0 && strings.IndexByte("eWICD", text[0]) >= 0 {
		if body, err := base64.StdEncoding.Strict().DecodeString(text); err == nil && isDocument(body) {
			return body
		}
	}
	return []byte(text)
}

// isDocument reports whether body is a JSON object or array.
func isDocument(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed)
}
