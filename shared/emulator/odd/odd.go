// Package odd is a server that answers HTTP requests with whatever bytes a test
// wants: heads that net/http would refuse to write, bodies longer or shorter than
// announced, pauses amid them. Start with Start.
package odd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Server is one that listens on an address of its own until Close.
type Server struct {
	URL string // scheme://host:port

	listener net.Listener
	conns    atomic.Int64
	ended    chan struct{}
	once     sync.Once
	wait     sync.WaitGroup
}

// Wire is the connection that a request came on. What is written to it goes out
// as it is, at once.
type Wire struct {
	net.Conn
	closed bool
	ended  <-chan struct{}
}

// Send writes s. That the other side has left is no error.
func (w *Wire) Send(s string) { _, _ = w.Write([]byte(s)) }

// Drip writes s byte by byte, with a pause before each, until the server ends or
// the other side has left.
func (w *Wire) Drip(s string, pause time.Duration) {
	for i := range len(s) {
		select {
		case <-w.ended:
			return
		case <-time.After(pause):
		}
		if _, err := w.Write([]byte{s[i]}); err != nil {
			return
		}
	}
}

// Hang waits until the server ends.
func (w *Wire) Hang() { <-w.ended }

// Hangup closes the connection once the request is answered.
func (w *Wire) Hangup() { w.closed = true }

// Serve starts a server, as Start does, until the test ends.
func Serve(t testing.TB, serve func(w *Wire, r *http.Request), certificate ...tls.Certificate) *Server {
	t.Helper()
	s, err := Start(serve, certificate...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start returns a server that has serve answer each request, whose body serve
// may read. With a certificate it speaks TLS.
func Start(serve func(w *Wire, r *http.Request), certificate ...tls.Certificate) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + l.Addr().String(), listener: l, ended: make(chan struct{})}
	if len(certificate) > 0 {
		s.URL = "https://" + l.Addr().String()
		s.listener = tls.NewListener(l, &tls.Config{Certificates: certificate})
	}
	s.wait.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			s.wait.Go(func() { s.connection(c, serve) })
		}
	})
	return s, nil
}

// connection answers the requests of one connection, one after the other.
func (s *Server) connection(c net.Conn, serve func(w *Wire, r *http.Request)) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-s.ended:
		case <-done:
		}
		_ = c.Close() // it is only read and written by who ends then, too
	}()
	w, in := &Wire{Conn: c, ended: s.ended}, bufio.NewReader(c)
	for !w.closed {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		serve(w, r)
		_ = r.Body.Close() // what serve has not read of it
	}
}

// Conns counts the connections that were made.
func (s *Server) Conns() int { return int(s.conns.Load()) }

// Close ends the server and its connections.
func (s *Server) Close() {
	s.once.Do(func() { close(s.ended); _ = s.listener.Close() })
	s.wait.Wait()
}

// Answer is one with a right length: status line, the lines of its head as they
// are given, and body.
func Answer(status int, body string, lines ...string) string {
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	return Head(status, lines...) + body
}

// Head is a status line and the lines of a head as they are given.
func Head(status int, lines ...string) string {
	lines = append([]string{fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status))}, lines...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}
