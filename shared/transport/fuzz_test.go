package transport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"testing"
)

// followed is what net/http sees of bytes that arrive in these pieces, while one
// request after the other waits for its answer.
func followed(method string, pieces ...[]byte) (out []byte, surplus bool, held int) {
	var a answers
	a.asks([]byte(method + " / HTTP/1.1\r\n"))
	for _, p := range pieces {
		in := append(a.held, p...)
		a.held = nil
		got, _, more := a.take(in)
		out, held = append(out, got...), max(held, len(a.held), len(a.line))
		if more {
			return out, true, held
		}
		a.asks([]byte(method + " / HTTP/1.1\r\n"))
	}
	return out, false, held
}

// FuzzParse lets any bytes be a head and what follows it: where parse takes it, it tells
// what net/http does, and reads as much.
func FuzzParse(f *testing.F) {
	for _, raw := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-oss-meta-A:  b \t\r\nX-A: 1\r\nx-a: 2\r\nEmpty:\r\n\r\nabcdef",
		"HTTP/1.1 404 Not Found\nContent-Length: 0\n\n", "HTTP/1.1 200\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 +20 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\r\nX-A: 1\r\n\r\n",
	} {
		f.Add([]byte(raw), false)
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, head bool) {
		n := headEnd(raw)
		if n < 0 || scan(raw[:n]).refused {
			return // it comes mended
		}
		r := &http.Request{Method: http.MethodGet}
		if head {
			r.Method = http.MethodHead
		}
		in := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+16)
		_, _ = in.Peek(len(raw)) // all of it
		got := parse(in, r)
		if got == nil {
			if in.Buffered() != len(raw) {
				t.Errorf("%q is not taken, and %d bytes of it are", raw, len(raw)-in.Buffered())
			}
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
		if err != nil {
			t.Fatalf("%q is taken; net/http says %v", raw, err)
		}
		body, err1 := io.ReadAll(got.Body)
		wanted, err2 := io.ReadAll(want.Body)
		if !bytes.Equal(body, wanted) || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("the body of %q is %q, %v, want %q, %v", raw, body, err1, wanted, err2)
		}
		got.Body, want.Body = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, want %+v", raw, got, want)
		}
	})
}

// FuzzAnswer lets any bytes come as an answer, in two pieces and in one: both come to
// the same, and what was held meanwhile is bounded.
func FuzzAnswer(f *testing.F) {
	for _, raw := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;x\r\nabc\r\n0\r\nT: v\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 200\r\nX-Qn-Meta-v1.ns/width: 1\r\n goes on\r\nFerry-Refused: x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching\r\n\r\n\x00\x01", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
	} {
		f.Add([]byte(raw), uint16(len(raw)/2), false)
		f.Add([]byte(raw), uint16(17), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, at uint16, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		whole, surplus, held := followed(method, bytes.Clone(raw))
		if held > maxHead+len("\n") {
			t.Fatalf("%d bytes are held of %q", held, raw)
		}
		if len(whole) > 4*len(raw)+len(refusedName+": ")*bytes.Count(raw, []byte("\n"))+64 { // a line that is refused is named so
			t.Errorf("%q becomes %q", raw, whole)
		}
		if surplus {
			return // whether more came than was announced depends on when it came
		}
		cut := int(at) % (len(raw) + 1)
		pieces, late, _ := followed(method, bytes.Clone(raw[:cut]), bytes.Clone(raw[cut:]))
		if !late && !bytes.Equal(pieces, whole) {
			t.Errorf("%q, in pieces, the first of %d bytes, becomes %q, and at once %q", raw, cut, pieces, whole)
		}
	})
}

// FuzzHead holds what a head is taken for against net/http: where that reads an answer
// from it, the body ends where this says.
func FuzzHead(f *testing.F) {
	for _, lines := range []string{"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: +3\r\n", "Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length:\t3 \r\n", "X: y\r\n z\r\nTransfer-Encoding: identity\r\n", "Content-Length: 3, 3\r\n", "Bad(: 1\r\n"} {
		f.Add([]byte(lines))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		raw := append(append([]byte("HTTP/1.1 200 OK\r\n"), lines...), "\r\n"...)
		n := headEnd(raw)
		if n != len(raw) {
			return // it ends earlier, or does not end
		}
		h := scan(raw)
		if h.refused {
			raw = mended(raw)
			if again := scan(raw); headEnd(raw) != len(raw) {
				t.Fatalf("%q is mended to %q, which is no head: %+v", lines, raw, again)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(raw), bytes.NewReader([]byte("0\r\n\r\n")))), nil)
		if err != nil {
			return // net/http refuses it
		}
		defer func() { _ = resp.Body.Close() }()
		chunked := len(resp.TransferEncoding) > 0
		if h = scan(raw); chunked != h.chunked || !chunked && h.length != resp.ContentLength && (h.length >= 0 || resp.ContentLength >= 0) {
			t.Errorf("%q: net/http reads a body of %d bytes, chunked %v, and this one of %d, chunked %v", lines, resp.ContentLength, chunked, h.length, h.chunked)
		}
	})
}
