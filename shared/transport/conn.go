package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// ErrStalled is why a connection was given up on which nothing moved, or hardly
// anything. What wraps it is a net.Error.
var ErrStalled = errors.New("nothing moved for so long that the connection was given up")

// stall is an ErrStalled with its circumstances.
type stall struct {
	says  string
	cause error // or nil
}

func (s *stall) Error() string   { return s.says }
func (s *stall) Timeout() bool   { return true }
func (s *stall) Temporary() bool { return true }
func (s *stall) Unwrap() []error { return append([]error{ErrStalled}, s.causes()...) }

func (s *stall) causes() []error {
	if s.cause == nil {
		return nil
	}
	return []error{s.cause}
}

// conn is a connection whose reads and writes fail where nothing moves for
// silence, give or take a sixteenth; TCP itself would try for a quarter of an
// hour. A read may have begun on an idle connection, before there was anything to
// wait for: a write begins its time anew, and lets it have as much after its own.
// Amid an answer a read waits for a window of the least rate at most.
type conn struct {
	net.Conn
	silence     time.Duration
	least       Rate
	answer      time.Duration // within which the head of an answer comes, where nothing reads before a request is written; 0: net/http measures it
	begun       time.Time
	read, wrote atomic.Int64 // the deadlines that were set by either, in nanoseconds since begun; 0: none
	short       atomic.Bool  // the deadline of reads is that of an answer's middle

	answers       // the reading side's
	came    meter // the same
	went    meter // the writing side's
	out     []byte
	end     error // after out

	look   *looker // nil where the connection cannot be looked at
	unsent []byte  // a request that the next read writes
	idled  bool    // it was idle before that
}

func newConn(c net.Conn, silence time.Duration, least Rate) *conn {
	return &conn{Conn: c, silence: silence, least: least, begun: time.Now()}
}

// due reports whether deadlines are to be set again that leave limit: not for each
// of the many calls that follow each other at once.
func (c *conn) due(last *atomic.Int64, limit time.Duration) bool {
	until := int64(time.Since(c.begun) + limit)
	was := last.Load()
	if off := until - was; was != 0 && max(off, -off) < int64(limit)/16 {
		return false
	}
	last.Store(until)
	return true
}

// Read implements net.Conn. It returns io.EOF with the last bytes of an answer
// that more bytes follow than it announced: net/http then does not use the
// connection again.
func (c *conn) Read(p []byte) (int, error) {
	for {
		if len(c.out) > 0 {
			n := copy(p, c.out)
			c.out = c.out[n:]
			if len(c.out) > 0 {
				return n, nil
			}
			return n, c.end
		}
		if c.end != nil || len(p) == 0 {
			return 0, c.end
		}
		n, err := c.receive(p)
		in := p[:n]
		held := len(c.held) > 0
		if held {
			in = append(c.held, in...)
			c.held = nil
		}
		out, changed, surplus := c.take(in)
		switch {
		case surplus:
			c.end = io.EOF
		case err != nil:
			c.end = err
			out, changed, c.held = append(out, c.held...), changed || len(c.held) > 0, nil
		}
		if held || changed {
			c.out = out
			continue
		}
		if len(out) > 0 || c.end != nil {
			return len(out), c.end
		}
	}
}

// receive reads from the connection, and fails where that takes too long.
func (c *conn) receive(p []byte) (int, error) {
	amid := c.amid()
	limit := c.silence
	switch {
	case amid && c.least.Window > 0:
		limit = min(limit, c.least.Window)
	case !amid && c.answer > 0:
		limit = c.answer
	}
	begun := c.answer > 0 && c.at == inHead // the rest of a head has the time that its beginning had
	if !begun && (amid && !c.short.Load() || c.answer > 0 && !amid && c.short.Load() || c.due(&c.read, limit)) {
		if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
			return 0, err
		}
		c.short.Store(amid)
	}
	if !amid {
		if c.unsent != nil {
			return c.exchange(p)
		}
		n, err := c.Conn.Read(p)
		return n, c.stalled(err)
	}
	from := time.Now()
	n, err := c.Conn.Read(p)
	if err == nil {
		err = c.came.add(n, time.Since(from), c.least, "came")
	}
	return n, c.stalled(err)
}

// post has the next Read write a request first. It may be called where what is below
// exchanges; idled says that the connection was idle before. The request is read until that
// Read returns.
func (c *conn) post(request []byte, idled bool) {
	c.asks(request)
	c.unsent, c.idled = request, idled
}

// exchange writes what was posted, and reads what comes then, which has its time from when all
// is written.
func (c *conn) exchange(p []byte) (int, error) {
	out := c.unsent
	c.unsent = nil
	n, rest, err := c.look.exchange(out, p, c.idled)
	if err != nil || len(rest) == 0 {
		return n, c.stalled(err)
	}
	if _, err := c.Write(rest); err != nil {
		return 0, err
	}
	return c.receive(p)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.asks(p)
	limit := c.patience(len(p))
	switch {
	case c.answer > 0: // nothing reads meanwhile
		if c.due(&c.wrote, limit) {
			if err := c.SetWriteDeadline(time.Now().Add(limit)); err != nil {
				return 0, err
			}
		}
	case c.due(&c.wrote, limit) || c.short.Swap(false):
		until := time.Now().Add(limit)
		if err := errors.Join(c.SetWriteDeadline(until), c.SetReadDeadline(until.Add(c.silence))); err != nil {
			return 0, err
		}
		c.short.Store(false)
	}
	begun := time.Now()
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.went.add(n, time.Since(begun), c.least, "were taken")
	}
	return n, c.stalled(err)
}

// abort closes the connection at once: TLS would first write that it ends, and would wait
// for 5 s where the other side takes nothing.
func (c *conn) abort() {
	under := c.Conn
	for s, ok := under.(*tls.Conn); ok; s, ok = under.(*tls.Conn) {
		under = s.NetConn()
	}
	_ = under.Close()
	_ = c.Close()
}

// between reports whether the last answer is over, and nothing came behind it.
func (c *conn) between() bool {
	return c.at == idle && c.end == nil && len(c.out) == 0 && !c.opaque.Load()
}

// patience is for how long n bytes may take to be taken.
func (c *conn) patience(n int) time.Duration {
	if c.least.Bytes <= 0 {
		return c.silence
	}
	return min(c.silence, max(c.least.Window, time.Duration(n)*time.Second/time.Duration(c.least.Bytes)))
}

func (c *conn) stalled(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &stall{fmt.Sprintf("%v (%v)", ErrStalled, err), err}
	}
	return err
}

// meter holds what moved against the time for which it was waited for.
type meter struct {
	waited time.Duration
	moved  int64
}

// add takes n bytes after a wait into account. It fails once a window's time was
// waited in all and less moved in it than the least.
func (m *meter) add(n int, wait time.Duration, least Rate, what string) error {
	m.waited += wait
	m.moved += int64(n)
	if m.waited < least.Window {
		return nil
	}
	was := *m
	*m = meter{}
	if float64(was.moved) >= float64(least.Bytes)*was.waited.Seconds() {
		return nil
	}
	return &stall{says: fmt.Sprintf("%v: %d bytes %s in %s of waiting, fewer than %d a second", ErrStalled, was.moved, what, was.waited.Round(time.Second/10), least.Bytes)}
}
