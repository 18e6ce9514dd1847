package chaos

import (
	"net"
	"sync"
	"time"
)

// Paced returns a listener whose connections bring and take at most so many bytes a
// second each way; ln itself where that is 0. A connection waits in steps of paceStep,
// so that what it costs the processor does not depend on how it is read and written.
func Paced(ln net.Listener, bytesPerSecond int64) net.Listener {
	if bytesPerSecond <= 0 {
		return ln
	}
	return pacedListener{ln, bytesPerSecond}
}

// paceStep is how far a connection may be ahead of its pace before it waits.
const paceStep = 20 * time.Millisecond

type pacedListener struct {
	net.Listener
	rate int64
}

// Accept implements net.Listener.
func (l pacedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &pacedConn{Conn: c, in: pace{rate: l.rate}, out: pace{rate: l.rate}}, nil
}

type pacedConn struct {
	net.Conn
	in, out pace
}

// Read implements net.Conn.
func (c *pacedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.pass(n)
	return n, err
}

// Write implements net.Conn.
func (c *pacedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.pass(n)
	return n, err
}

// pace is one way of a connection.
type pace struct {
	rate int64 // bytes a second

	mu   sync.Mutex
	done time.Time // when what has passed is through at that rate
}

// pass waits until n more bytes are through, but for paceStep.
func (p *pace) pass(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.done.Before(now) { // what was not used is lost
		p.done = now
	}
	p.done = p.done.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	if ahead := p.done.Sub(now); ahead >= paceStep {
		time.Sleep(ahead)
	}
}
