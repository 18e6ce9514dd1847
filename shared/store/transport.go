package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// ErrStalled is why a connection was given up on which nothing moved.
var ErrStalled = errors.New("nothing moved for so long that the connection was given up")

// NewTransport returns a transport of a driver's own. HTTP/1.1, because each of
// 64 parallel transfers then has a connection, and so a window, of its own: over
// HTTP/2 they would share one connection's flow control. A host fails that does
// not answer a dial in 10 s, or does not begin to answer a request within answer
// of its end. A connection is given up, with ErrStalled, if amid an answer
// nothing comes for silence, or if what is written to it is not taken for so
// long. It is kept for idle at most: less than the service keeps it. silence is
// longer than both, by a tenth at least. Content comes and goes as it is stored,
// not compressed.
//
// The time of an answer is net/http's to measure: it sends a GET again, and
// again, whose idle connection merely fails. That of the rest is the
// connection's: a timer and a context for each body took more.
func NewTransport(answer, silence, idle time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &impatient{Conn: c, silence: silence, begun: time.Now()}, nil
		},
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: answer,
		ExpectContinueTimeout: time.Second, // then the body goes out all the same
		MaxIdleConnsPerHost:   256, IdleConnTimeout: idle, DisableCompression: true,
		ReadBufferSize: 32 << 10, Protocols: protocols,
	}
}

// impatient is a connection whose reads and writes fail where nothing moves for
// silence, give or take a sixteenth; TCP itself would try for a quarter of an
// hour. A read may have begun on an idle connection, before there was anything to
// wait for: a write begins its time anew, and lets it have as much after its own.
type impatient struct {
	net.Conn
	silence     time.Duration
	begun       time.Time
	read, wrote atomic.Int64 // when deadlines were set by either, in nanoseconds since begun
}

// due reports whether deadlines are to be set again: not for each of the many
// calls that follow each other at once.
func (c *impatient) due(last *atomic.Int64) bool {
	now := int64(time.Since(c.begun))
	if was := last.Load(); was != 0 && now-was < int64(c.silence)/16 {
		return false
	}
	last.Store(now)
	return true
}

func (c *impatient) Read(p []byte) (int, error) {
	if c.due(&c.read) {
		if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	return n, c.stalled(err)
}

func (c *impatient) Write(p []byte) (int, error) {
	if c.due(&c.wrote) {
		until := time.Now().Add(c.silence)
		if err := errors.Join(c.SetWriteDeadline(until), c.SetReadDeadline(until.Add(c.silence))); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(p)
	return n, c.stalled(err)
}

func (c *impatient) stalled(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w (%w)", ErrStalled, err)
	}
	return err
}
