package transport

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// parse reads the head of the answer to r, as http.ReadResponse does in three times as
// long: where it has come whole and is of the kind that services send, with the length of a
// body in it, no coding, no word on the connection. Else it returns nil, with nothing read.
// The head is one that scan does not refuse.
func parse(in *bufio.Reader, r *http.Request) *http.Response {
	b, err := in.Peek(in.Buffered())
	n := headEnd(b)
	if err != nil || n < 0 {
		return nil
	}
	text := string(b[:n]) // the one piece of memory for all of it
	status, rest, _ := strings.Cut(text, "\n")
	status = strings.TrimSuffix(status, "\r")
	code, ok := statusOf(status)
	if !ok {
		return nil
	}
	lines := bytes.Count(b[:n], []byte("\n")) - 2 // but for the first and the empty one
	resp := &http.Response{
		Status: strings.TrimPrefix(status, "HTTP/1.1 "), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: takeHeader(lines), ContentLength: -1, Body: http.NoBody, Request: r,
	}
	values := make([]string, 0, lines)
	for {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" {
			break
		}
		sent, value, found := strings.Cut(line, ":")
		name, ok := canonical(sent)
		if !found || !ok {
			return nil
		}
		value = strings.Trim(value, " \t")
		switch name {
		case "Transfer-Encoding", "Trailer", "Pragma":
			return nil
		case "Connection":
			if value != "keep-alive" {
				return nil
			}
		case "Content-Length":
			length, err := strconv.ParseUint(value, 10, 63)
			if err != nil || resp.ContentLength >= 0 || value[0] == '+' {
				return nil
			}
			resp.ContentLength = int64(length)
		}
		if was := resp.Header[name]; was != nil {
			resp.Header[name] = append(was, value)
			continue
		}
		values = append(values, value)
		resp.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if resp.ContentLength < 0 {
		return nil
	}
	_, _ = in.Discard(n) // so much is there
	if resp.ContentLength > 0 && r.Method != http.MethodHead {
		resp.Body = &sized{in, resp.ContentLength}
	}
	return resp
}

// spent has headers of answers, empty: the memory of a map for some ten fields takes as long
// to make as they take to read.
var spent sync.Pool

// maxSpent is how many fields a header has at most whose memory is used again.
const maxSpent = 64

func takeHeader(lines int) http.Header {
	if h, ok := spent.Get().(http.Header); ok {
		return h
	}
	return make(http.Header, lines)
}

// Spent takes the header of an answer back that nobody reads any more. Its values may be kept.
func Spent(h http.Header) {
	if h != nil && len(h) <= maxSpent { // a map never shrinks
		clear(h)
		spent.Put(h)
	}
}

// statusOf returns the code of a status line that has one, a body, and no more than that.
func statusOf(line string) (code int, ok bool) {
	digits, found := strings.CutPrefix(line, "HTTP/1.1 ")
	if !found || len(digits) < 3 || len(digits) > 3 && digits[3] != ' ' {
		return 0, false
	}
	code, err := strconv.Atoi(digits[:3])
	return code, err == nil && code >= 200 && code != http.StatusNoContent && code != http.StatusNotModified && digits[0] != '+' && digits[0] != '-'
}

// names are those of fields as they came, by their canonical forms. There are few, and most
// are no names that net/http knows: it makes memory for each.
var names atomic.Pointer[map[string]string]

// maxNames is how many names are kept, each of up to maxName bytes: whoever sends others
// has them made anew.
const maxNames, maxName = 256, 64

// canonical is textproto.CanonicalMIMEHeaderKey of a name. It is not ok where that is no
// token, or empty.
func canonical(sent string) (name string, ok bool) {
	known := names.Load()
	if known != nil {
		if name, ok = (*known)[sent]; ok {
			return name, true
		}
	}
	for i := range len(sent) {
		if !letters[sent[i]] {
			return "", false
		}
	}
	if sent == "" {
		return "", false
	}
	name = textproto.CanonicalMIMEHeaderKey(sent)
	if len(sent) <= maxName && (known == nil || len(*known) < maxNames) {
		more := map[string]string{}
		if known != nil {
			more = maps.Clone(*known)
		}
		more[strings.Clone(sent)] = strings.Clone(name)
		names.CompareAndSwap(known, &more) // who comes second does so again, some time
	}
	return name, true
}

// sized is a body of known length.
type sized struct {
	in   *bufio.Reader
	left int64
}

// Read implements io.Reader. The end comes with the last bytes.
func (s *sized) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	n, err := s.in.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	switch {
	case s.left == 0:
		err = io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close implements io.Closer.
func (*sized) Close() error { return nil }
