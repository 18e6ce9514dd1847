package transport

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// link is a connection of a Direct: one request, then its answer, then the next.
type link struct {
	conn  *conn
	of    *Direct
	shelf *shelf
	watch watch

	used  bool // an answer was read over it
	came  bool // something of the answer
	room  int  // bytes that the head may still have; below 0 there is no limit
	since time.Time
}

// drop closes the connection at once.
func (l *link) drop() {
	l.watch.leave()
	l.conn.abort()
}

// errNotQuiet is why a request was not written: something came over its idle connection.
var errNotQuiet = errors.New("something came over the idle connection, or its end")

// quiet reports whether an idle link may be used again: nothing came over it. Of one that
// exchanges that is found out as the request is written.
func (l *link) quiet() bool {
	switch {
	case l.conn.look == nil:
		return false
	case l.conn.look.exchanges():
		return true
	}
	quiet, lifted := l.conn.look.quiet()
	if lifted {
		l.conn.read.Store(0) // a read has no deadline now
	}
	return quiet
}

// ask sends r with body, and reads the head of its answer. Where that fails, or ctx ends
// before the answer's body does, the connection is closed.
func (l *link) ask(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
	l.came = false
	l.watch.begin(ctx)
	fail := func(err error) (*http.Response, error) {
		l.drop()
		return nil, err
	}
	buf, err := l.send(r, body)
	defer l.of.heads.Put(buf)
	if err != nil {
		return fail(err)
	}
	in, _ := l.of.inputs.Get().(*bufio.Reader) // the pool holds nothing else
	if in == nil {
		in = bufio.NewReaderSize(nil, l.of.by.ReadBufferSize)
	}
	in.Reset((*input)(l))
	resp, err := l.head(in, r)
	if err != nil {
		return fail(err)
	}
	a := &arriving{link: l, in: in, body: resp.Body, last: resp.Close, ctx: ctx}
	if resp.Body == http.NoBody {
		a.end(nil)
		return resp, nil
	}
	resp.Body = a
	return resp, nil
}

// maxInterim is how many interim answers may come before the answer.
const maxInterim = 5

// head reads the head of the answer to r.
func (l *link) head(in *bufio.Reader, r *http.Request) (*http.Response, error) {
	for range maxInterim + 1 {
		l.room = maxHead
		if _, err := in.Peek(1); err != nil {
			return nil, unexpected(err)
		}
		if resp := parse(in, r); resp != nil {
			l.room = -1
			return resp, nil
		}
		resp, err := http.ReadResponse(in, r)
		switch {
		case err != nil && l.conn.end != nil && l.conn.end != io.EOF:
			return nil, l.conn.end // ReadResponse may call what had come by then malformed
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200:
			l.room = -1
			return resp, nil
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the other side switches protocols, which it was not asked for")
		}
	}
	return nil, fmt.Errorf("more than %d interim answers to one request", maxInterim)
}

// unexpected makes the end of the connection one that came too early, as
// http.ReadResponse does.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// send writes r and its body, at once, or has the first read of the answer write it. It
// returns what is written, which is in use until something was read.
func (l *link) send(r *http.Request, body []byte) (buf *[]byte, err error) {
	buf, _ = l.of.heads.Get().(*[]byte) // the pool holds nothing else
	if buf == nil {
		buf = new([]byte)
	}
	*buf = append(appendHead((*buf)[:0], r, len(body)), body...)
	if look := l.conn.look; look != nil && look.exchanges() {
		l.conn.post(*buf, l.used)
	} else {
		_, err = l.conn.Write(*buf)
	}
	return buf, err
}

// appendHead appends the head of r, as net/http writes it but for the order of fields.
func appendHead(b []byte, r *http.Request, length int) []byte {
	b = append(append(append(b, r.Method...), ' '), r.URL.RequestURI()...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), cmp.Or(r.Host, r.URL.Host)...), "\r\n"...)
	if _, ok := r.Header["User-Agent"]; !ok {
		b = append(b, "User-Agent: Go-http-client/1.1\r\n"...)
	}
	if r.Method == http.MethodPut {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(length), 10), "\r\n"...)
	}
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		for _, v := range values {
			if name == "User-Agent" && v == "" {
				continue
			}
			b = append(append(append(append(b, name...), ": "...), strings.Trim(v, " \t")...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// input is what a link's answers are read from.
type input link

// Read implements io.Reader. It ends a head that is too long.
func (i *input) Read(p []byte) (int, error) {
	if i.room == 0 {
		return 0, fmt.Errorf("the head of the answer has more than %d bytes", maxHead)
	}
	if i.room > 0 {
		p = p[:min(len(p), i.room)]
	}
	n, err := i.conn.Read(p)
	if i.room > 0 {
		i.room -= n
	}
	i.came = i.came || n > 0
	return n, err
}

// arriving is the body of an answer. At its end the link is free for another request.
type arriving struct {
	link *link
	in   *bufio.Reader
	body io.ReadCloser
	last bool // the other side closes the connection behind it
	ctx  context.Context
	err  error // of the Read that ended it; only who reads sees it

	over atomic.Bool // read to its end, or closed
}

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.body.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF && a.ctx.Err() != nil {
		err = context.Cause(a.ctx)
	}
	a.err = err
	a.end(err)
	return n, err
}

// Close implements io.Closer. It ends a Read that waits, and the connection, unless the
// body was read to its end.
func (a *arriving) Close() error {
	if a.over.CompareAndSwap(false, true) {
		a.link.drop()
	}
	return nil
}

// end ends the answer by who reads it: nobody reads from in any more.
func (a *arriving) end(err error) {
	if !a.over.CompareAndSwap(false, true) {
		return
	}
	whole := (err == nil || err == io.EOF) && !a.last && a.in.Buffered() == 0
	a.in.Reset(nil)
	a.link.of.inputs.Put(a.in)
	if !a.link.watch.end(a.ctx) || !whole || !a.link.conn.between() {
		a.link.drop()
		return
	}
	a.link.used = true
	a.link.shelf.put(a.link)
}
