package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// host is where connections go to.
type host struct{ scheme, name string }

// shelf has the idle connections of a Direct to one host. The one that was used last is
// used next, but for one that the same context used.
type shelf struct {
	addr string
	keep time.Duration // how long one may be idle

	mu    sync.Mutex
	links []*link
	tidy  *time.Timer // closes those that are idle for too long; nil before the first
}

// link returns a connection for r, an idle one if it may.
func (d *Direct) link(ctx context.Context, r *http.Request, idle bool) (*link, error) {
	s := d.shelf(r)
	for idle {
		l := s.take(ctx)
		if l == nil {
			break
		}
		if time.Now().Round(0).Sub(l.since) < s.keep && l.quiet() { // by the wall's clock: while the machine sleeps no timer runs
			return l, nil
		}
		l.drop()
	}
	dial := d.by.DialContext
	if r.URL.Scheme == "https" {
		dial = d.by.DialTLSContext
	}
	made, err := dial(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	c, ok := made.(*conn)
	if !ok {
		c = newConn(made, d.by.ResponseHeaderTimeout, Rate{})
	}
	c.answer = d.by.ResponseHeaderTimeout
	c.look = newLooker(c.Conn)
	l := &link{conn: c, of: d, shelf: s, watch: watch{abort: c.abort}}
	if c.look == nil {
		d.unfit.Store(true)
	}
	return l, nil
}

// shelf returns that of the host of r.
func (d *Direct) shelf(r *http.Request) *shelf {
	at := host{r.URL.Scheme, r.URL.Host}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.idle[at]
	if s == nil {
		s = &shelf{addr: at.name, keep: d.by.IdleConnTimeout}
		if r.URL.Port() == "" {
			s.addr = net.JoinHostPort(r.URL.Hostname(), map[string]string{"http": "80", "https": "443"}[at.scheme])
		}
		d.idle[at] = s
	}
	return s
}

// maxSought is among how many idle connections that of a context is sought.
const maxSought = 64

// take returns an idle connection for a request under ctx, nil where there is none.
func (s *shelf) take(ctx context.Context) *link {
	done := ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.links)
	if n == 0 {
		return nil
	}
	at := n - 1
	for i := n - 1; done != nil && i >= max(0, n-maxSought); i-- {
		if s.links[i].watch.done == done {
			at = i
			break
		}
	}
	l := s.links[at]
	copy(s.links[at:], s.links[at+1:])
	s.links[n-1] = nil
	s.links = s.links[:n-1]
	return l
}

// put takes a connection that is idle from now on.
func (s *shelf) put(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.since = time.Now()
	s.links = append(s.links, l)
	switch {
	case len(s.links) > 1:
	case s.tidy == nil:
		s.tidy = time.AfterFunc(s.keep, func() { s.close(s.keep) })
	default:
		s.tidy.Reset(s.keep)
	}
}

// close closes connections that were idle for so long, and comes again for the others.
func (s *shelf) close(idle time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.links) && time.Since(s.links[n].since) >= idle {
		s.links[n].watch.leave()
		_ = s.links[n].conn.Close()
		n++
	}
	s.links = append([]*link(nil), s.links[n:]...)
	if len(s.links) > 0 {
		s.tidy.Reset(max(time.Millisecond, s.keep-time.Since(s.links[0].since)))
	}
}
