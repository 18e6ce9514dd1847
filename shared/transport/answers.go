package transport

import (
	"bytes"
	"net/http"
	"slices"
	"sync/atomic"
)

// answers follows the answers on a connection: a head, then a body of a length
// that it announced, one answer to one request. What it cannot tell, as net/http
// could not either, it passes on as it comes.
type answers struct {
	asked  atomic.Bool // a request was begun that is not answered
	bare   atomic.Bool // to that one, a HEAD, there is no body
	opaque atomic.Bool // the connection is not, or no more, one of requests and answers
	used   bool        // a request was written; the writing side's

	at   place
	left int64  // bytes of the body, or of a chunk with the line's end behind it
	held []byte // of a head that is not all there, or of a chunk's line
	line []byte
}

// place is where in an answer the next byte lies.
type place int

const (
	idle    place = iota // before an answer
	inHead               // begun, and not complete
	inBody               // of left bytes
	inSize               // the line before a chunk
	inChunk              // of left bytes
	inTrail              // the lines behind the last chunk
	tillEnd              // of the connection
)

// amid reports whether an answer is under way of which the head is read.
func (a *answers) amid() bool { return a.at >= inBody && !a.opaque.Load() }

// methods are those of requests, but for CONNECT.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodPatch}

// asks looks for the beginning of a request in what is written, unless one is
// under way: net/http begins each with a Write. A body may go on after its answer
// has come, and is none.
func (a *answers) asks(p []byte) {
	if a.asked.Load() || a.opaque.Load() {
		return
	}
	method, target, _ := bytes.Cut(p[:min(len(p), 16)], []byte(" "))
	switch {
	case string(method) == http.MethodConnect:
		a.opaque.Store(true)
	case slices.Contains(methods, string(method)) && (bytes.HasPrefix(target, []byte("/")) || bytes.HasPrefix(target, []byte("http"))):
		a.bare.Store(string(method) == "HEAD")
		a.asked.Store(true)
		a.used = true
	case !a.used:
		a.opaque.Store(true) // a proxy's own protocol
	}
}

// take follows in, and returns of it what net/http is to see: all of it, mostly,
// in place. changed says that it is a copy, surplus that bytes came
// behind no request; they are left out.
func (a *answers) take(in []byte) (out []byte, changed, surplus bool) {
	for i := 0; i < len(in); {
		if a.opaque.Load() {
			return in, changed, false
		}
		switch a.at {
		case idle:
			if !a.asked.Load() {
				return in[:i], changed, true
			}
			a.at = inHead
		case inHead:
			n := headEnd(in[i:])
			if n < 0 && len(in)-i <= maxHead {
				a.held = bytes.Clone(in[i:])
				return in[:i], changed, false
			}
			if n < 0 { // net/http says so
				a.at = tillEnd
				continue
			}
			h := scan(in[i : i+n])
			if h.refused {
				clean := mended(in[i : i+n])
				in = append(append(bytes.Clone(in[:i]), clean...), in[i+n:]...)
				changed, n = true, len(clean)
			}
			i += n
			a.follow(h)
		case inBody, inChunk:
			n := min(a.left, int64(len(in)-i))
			i += int(n)
			if a.left -= n; a.left > 0 {
				continue
			}
			if a.at == inBody {
				a.done()
			} else {
				a.at = inSize
			}
		case inSize, inTrail:
			n := bytes.IndexByte(in[i:], '\n') + 1
			if n == 0 {
				n = len(in) - i
			}
			a.line = append(a.line, in[i:i+n]...)
			i += n
			if a.line[len(a.line)-1] == '\n' {
				a.lineOf(bytes.TrimRight(a.line, "\r\n"))
				a.line = a.line[:0]
			} else if len(a.line) > maxHead {
				a.at = tillEnd
			}
		case tillEnd:
			return in, changed, false
		}
	}
	return in, changed, false
}

// follow enters what comes after a head.
func (a *answers) follow(h head) {
	switch {
	case h.status == 101:
		a.opaque.Store(true)
	case h.status < 200: // another head follows
	case a.bare.Load(), h.status == 204, h.status == 304:
		a.done()
	case h.chunked:
		a.at = inSize
	case h.length == 0:
		a.done()
	case h.length > 0:
		a.at, a.left = inBody, h.length
	default:
		a.at = tillEnd
	}
}

// lineOf takes a line before a chunk, or behind the last.
func (a *answers) lineOf(line []byte) {
	if a.at == inTrail {
		if len(line) == 0 {
			a.done()
		}
		return
	}
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, ok := hex(bytes.TrimRight(size, " \t"))
	switch {
	case !ok:
		a.at = tillEnd // net/http says so
	case n == 0:
		a.at = inTrail
	default:
		a.at, a.left = inChunk, n+2
	}
}

func hex(s []byte) (n int64, ok bool) {
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, len(s) > 0 && len(s) < 16
}

// done ends an answer.
func (a *answers) done() {
	a.at = idle
	a.asked.Store(false)
}
