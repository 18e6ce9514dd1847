package transport

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
)

// Direct sends small requests and reads their answers in the goroutine of the caller:
// GETs, HEADs, and PUTs of Memory. All else is its transport's, as is what goes through a
// proxy of http or SOCKS. net/http has two goroutines for each connection; to wake them,
// and to be woken by them, takes longer than the system calls of a small object.
//
// What a connection is held to is what New says: its connections are the transport's.
// One that is idle is looked at before it is used again: where something came meanwhile, or
// its end, it is closed. A GET or HEAD whose used connection ends before an answer begins
// is sent once more, over a new one. The request's context ends its connection. It is
// safe for concurrent use.
type Direct struct {
	by     *http.Transport
	unfit  atomic.Bool // its connections cannot be looked at: by does everything
	heads  sync.Pool   // of *[]byte: requests as they are written
	inputs sync.Pool   // of *bufio.Reader

	mu   sync.Mutex
	idle map[host]*shelf
}

// NewDirect returns a Direct over a transport that New has made.
func NewDirect(by *http.Transport) *Direct {
	d := &Direct{by: by, idle: map[host]*shelf{}}
	made.addDirect(d)
	return d
}

// CloseIdleConnections closes the connections that no request uses, the transport's, too.
func (d *Direct) CloseIdleConnections() {
	d.mu.Lock()
	for _, s := range d.idle {
		s.close(0)
	}
	d.mu.Unlock()
	d.by.CloseIdleConnections()
}

// Memory is a body that lies in memory. What Direct sends itself it reads no more once
// RoundTrip has returned. net/http may: Free tells.
type Memory struct {
	data []byte
	kept atomic.Int32 // requests of net/http's that may still read what was data
}

// InMemory returns data as a body, of len(data) bytes.
func InMemory(data []byte) *Memory { return &Memory{data: data} }

// Reset makes data the body of the next request.
func (m *Memory) Reset(data []byte) { m.data = data }

// Free reports whether no request reads what it had as its body any more. It is asked after
// RoundTrip has returned.
func (m *Memory) Free() bool { return m.kept.Load() == 0 }

// Len returns how many bytes are to be read.
func (m *Memory) Len() int64 { return int64(len(m.data)) }

// Read implements io.Reader.
func (m *Memory) Read(p []byte) (int, error) {
	if len(m.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.data)
	m.data = m.data[n:]
	return n, nil
}

// Close implements io.Closer.
func (*Memory) Close() error { return nil }

// maxDirect is the most bytes of a body that are sent before the answer is looked at: a
// service may refuse a longer one before it has read it.
const maxDirect = 64 << 10

// RoundTrip implements http.RoundTripper.
func (d *Direct) RoundTrip(r *http.Request) (*http.Response, error) {
	body, small := r.Body.(*Memory)
	if small && (len(body.data) > maxDirect || r.Method != http.MethodPut || r.ContentLength != body.Len()) || !small && r.Body != nil && r.Body != http.NoBody || !d.takes(r) {
		return d.by.RoundTrip(plain(r))
	}
	var data []byte
	if small {
		data = body.data
	}
	ctx := r.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // nothing was sent
	}
	for first := true; ; {
		var resp *http.Response
		l, err := d.link(ctx, r, first)
		if err == nil {
			resp, err = l.ask(ctx, r, data)
		}
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errNotQuiet): // another idle one, or a new one, takes it
			continue
		case l == nil || !first || !l.used || l.came || r.Method == http.MethodPut || errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		}
		first = false
	}
}

// takes reports whether r is one that needs no more than one write and one answer.
func (d *Direct) takes(r *http.Request) bool {
	//lint:ignore SA1019 net/http follows it still, where it is set
	cancels := r.Cancel != nil
	switch {
	case d.unfit.Load(), r.Method != http.MethodGet && r.Method != http.MethodHead && (r.Method != http.MethodPut || r.Body == nil),
		r.Close, cancels, len(r.TransferEncoding) > 0, len(r.Trailer) > 0, r.URL.Scheme != "http" && r.URL.Scheme != "https", !plainHost(r.URL.Host), !plainHost(cmp.Or(r.Host, r.URL.Host)),
		r.URL.Opaque != "", !plainQuery(r.URL.RawQuery):
		return false
	}
	for name, values := range r.Header {
		switch name {
		case "Expect", "Connection", "Upgrade":
			return false
		}
		if !plainField(name, values) {
			return false
		}
	}
	by, err := d.by.Proxy(r)
	return by == nil && err == nil
}

// plainHost reports whether a host, with a port or without, goes out as it is written.
func plainHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '/' || c == '@' || c == '%' {
			return false
		}
	}
	return s != ""
}

// plainQuery reports whether net/http would send a query, which goes out as it is.
func plainQuery(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainField reports whether net/http would send a field as it is.
func plainField(name string, values []string) bool {
	for i := range len(name) {
		if !letters[name[i]] {
			return false
		}
	}
	for _, v := range values {
		for i := range len(v) {
			if controls[v[i]] {
				return false
			}
		}
	}
	return name != ""
}

// plain returns r with a body that net/http knows to be in memory, if it has a Memory: it
// then goes out together with the head. Until net/http tells that it has written the
// request, the Memory is not free.
func plain(r *http.Request) *http.Request {
	m, ok := r.Body.(*Memory)
	if !ok {
		return r
	}
	if len(m.data) == 0 { // a reader of nothing would go out chunked
		r = r.WithContext(r.Context())
		r.Body = http.NoBody
		return r
	}
	m.kept.Add(1)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{WroteRequest: func(w httptrace.WroteRequestInfo) {
		if w.Err == nil {
			m.kept.Add(-1)
		}
	}}))
	r.Body = io.NopCloser(bytes.NewReader(m.data))
	return r
}
