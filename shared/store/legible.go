package store

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlMark stands before and behind the code of a character that encoding/xml does not
// take, or takes for another: a character of private use, which is marked itself.
const xmlMark = "\uF8FF"

// Legible returns data in a form that encoding/xml takes. XML 1.0 forbids control
// characters, also as references such as &#x3;, yet keys have them, and services
// send them in listings, errors and answers to uploads (S3 API reference,
// ListObjectsV2: encoding-type). Each is replaced by its code between two marks, and
// so is a carriage return, which XML turns into a newline; Restore is the way back.
// Bytes that are no UTF-8 become U+FFFD. replaced is whether there was anything to replace.
func Legible(data []byte) (text []byte, replaced bool) {
	var out []byte
	done := 0 // data[:done] is in out
	for i := 0; i < len(data); {
		c, n, odd := oddAt(data[i:])
		if odd {
			out = append(out, data[done:i]...)
			if c == utf8.RuneError {
				out = utf8.AppendRune(out, c)
			} else {
				out = append(strconv.AppendInt(append(out, xmlMark...), int64(c), 16), xmlMark...)
			}
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return data, false
	}
	return append(out, data[done:]...), true
}

// oddAt returns the character or the reference that data begins with, its bytes,
// and whether it must be replaced.
func oddAt(data []byte) (c rune, n int, odd bool) {
	switch b := data[0]; {
	case b == '&':
		if c, n, ok := referenceAt(data); ok && (c == utf8.RuneError || c != '\r' && notXML(c)) {
			return c, n, true
		}
		return '&', 1, false
	case b < ' ':
		return rune(b), 1, notXML(rune(b))
	case b < utf8.RuneSelf:
		return rune(b), 1, false
	}
	c, n = utf8.DecodeRune(data)
	return c, n, n == 1 || notXML(c)
}

// referenceAt returns the character that the reference at the beginning of data
// names, as &#3; or &#x3; do; U+FFFD where there is no such character.
func referenceAt(data []byte) (c rune, n int, ok bool) {
	const longest = len("&#x0010FFFF;")
	end := bytes.IndexByte(data[:min(len(data), longest)], ';')
	if end < 0 || !bytes.HasPrefix(data, []byte("&#")) {
		return 0, 0, false
	}
	digits, base := string(data[2:end]), 10
	if strings.HasPrefix(strings.ToLower(digits), "x") {
		digits, base = digits[1:], 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, 0, false
	}
	if c = rune(code); !utf8.ValidRune(c) {
		c = utf8.RuneError
	}
	return c, end + 1, true
}

// notXML reports whether encoding/xml does not take c as it stands, or takes it
// for another (XML 1.0, "Characters"; "End-of-Line Handling").
func notXML(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' || c == 0xFFFE || c == 0xFFFF || string(c) == xmlMark
}

// Restore undoes in a text of a document what Legible did.
func Restore(s string) string {
	if !strings.Contains(s, xmlMark) {
		return s
	}
	var b strings.Builder
	for i, part := range strings.Split(s, xmlMark) {
		if code, err := strconv.ParseInt(part, 16, 32); i%2 == 1 && err == nil {
			b.WriteRune(rune(code))
			continue
		}
		b.WriteString(part)
	}
	return b.String()
}
