package transport

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// refusedName is the header in which a conn passes on the lines that it left out.
const refusedName = "Ferry-Refused"

// Refused returns the lines of an answer that HTTP's grammar refuses, "name:
// value". A service that keeps users' metadata may send
// such; net/http would refuse the whole answer.
func Refused(h http.Header) []string {
	var lines []string
	for _, v := range h[refusedName] {
		if line, err := url.QueryUnescape(v); err == nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// head is what an answer's head says of what follows it.
type head struct {
	status  int
	length  int64 // of the body, -1 where it does not say or says it in two ways
	chunked bool
	refused bool // it has lines that net/http would refuse
}

// headEnd is how many bytes the head has that b begins with; -1 where it goes on
// behind b.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
}

// scan reads a head.
func scan(b []byte) head {
	h := head{length: -1}
	status, rest, _ := bytes.Cut(b, []byte("\n"))
	chunks := bytes.HasPrefix(status, []byte("HTTP/1.1 "))
	if _, code, ok := bytes.Cut(status, []byte(" ")); ok {
		code = bytes.TrimLeft(code, " ")
		h.status, _ = strconv.Atoi(string(code[:min(3, len(code))])) // net/http refuses what is none
	}
	lengths, codings := 0, 0
	for first := true; len(rest) > 0; first = false {
		var line []byte
		if line, rest = cutLine(rest); len(line) == 0 {
			continue
		}
		name, value, ok := field(line, first)
		if !ok {
			h.refused = true
			continue
		}
		switch {
		case len(name) == len(refusedName) && strings.EqualFold(string(name), refusedName):
			h.refused = true // a service's own header of that name would be taken for it
		case len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length"):
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 63)
			if lengths++; err != nil || lengths > 1 && int64(n) != h.length {
				h.length = -2
			} else {
				h.length = int64(n)
			}
		case chunks && len(name) == len("Transfer-Encoding") && strings.EqualFold(string(name), "Transfer-Encoding"):
			codings++
			h.chunked = codings == 1 && strings.EqualFold(string(bytes.TrimSpace(value)), "chunked")
		}
	}
	if codings > 0 && !h.chunked {
		h.length = -1
	}
	return h
}

// cutLine returns the first line of a head, without its end, and what is behind it.
func cutLine(head []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(head, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// field takes a line apart, as net/http does (textproto.Reader.ReadMIMEHeader).
// A line that begins with space goes on with the one before it. ok is false where
// net/http refuses it.
func field(line []byte, first bool) (name, value []byte, ok bool) {
	value = line
	if line[0] == ' ' || line[0] == '\t' {
		if first {
			return nil, nil, false
		}
	} else {
		if name, value, ok = bytes.Cut(line, []byte(":")); !ok || len(name) == 0 {
			return nil, nil, false
		}
		for _, c := range name {
			if !letters[c] && c != ' ' {
				return nil, nil, false
			}
		}
	}
	for _, c := range value {
		if controls[c] {
			return nil, nil, false
		}
	}
	return name, value, true
}

// letters are those of a header's name (RFC 9110, section 5.6.2).
var letters = func() (l [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		l[c] = true
	}
	return l
}()

// controls are the bytes that no value may hold.
var controls = func() (l [256]bool) {
	for c := range 0x20 {
		l[c] = c != '\t'
	}
	l[0x7f] = true
	return l
}()

// mended is a head in which the lines that net/http refuses stand as values of
// refusedName. A line that goes on with one of them is left out with it.
func mended(b []byte) []byte {
	status, rest, _ := bytes.Cut(b, []byte("\n"))
	out := append(bytes.Clone(bytes.TrimSuffix(status, []byte("\r"))), "\r\n"...)
	gone := false
	for first := true; len(rest) > 0; first = false {
		var line []byte
		if line, rest = cutLine(rest); len(line) == 0 {
			continue
		}
		name, _, ok := field(line, first)
		goesOn := line[0] == ' ' || line[0] == '\t'
		switch {
		case goesOn && gone || strings.EqualFold(string(name), refusedName):
			gone = true
		case !ok:
			out = append(append(append(out, refusedName+": "...), url.QueryEscape(string(line))...), "\r\n"...)
			gone = true
		default:
			out = append(append(out, line...), "\r\n"...)
			gone = false
		}
	}
	return append(out, "\r\n"...)
}
