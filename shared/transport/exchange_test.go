//go:build unix

package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// unhurried is a connection of which each Write takes time by the clock of c, and which keeps
// when the deadline of reads was set since.
type unhurried struct {
	*net.TCPConn
	c      *conn
	takes  time.Duration
	fails  error
	lately bool
}

func (s *unhurried) Write(p []byte) (int, error) {
	s.c.begun = s.c.begun.Add(-s.takes)
	s.lately = false
	if s.fails != nil {
		return 0, s.fails
	}
	return s.TCPConn.Write(p)
}

func (s *unhurried) SetReadDeadline(t time.Time) error {
	s.lately = true
	return s.TCPConn.SetReadDeadline(t)
}

// dialSlowly returns a connection that takes a request of 1 MiB little by little, and the other
// side of it.
func dialSlowly(t *testing.T, answer time.Duration) (s *unhurried, other net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	made, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	if other, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	s = &unhurried{TCPConn: made.(*net.TCPConn)}
	if err := s.SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	s.c = newConn(s, time.Hour, Rate{})
	s.c.answer, s.c.look = answer, newLooker(s)
	s.c.post([]byte("PUT / HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", 1<<20)), false)
	return s, other
}

// TestAnAnswerHasItsTimeFromWhenTheRequestIsWritten, where the connection does not take that at once.
func TestAnAnswerHasItsTimeFromWhenTheRequestIsWritten(t *testing.T) {
	const answer = time.Hour
	s, other := dialSlowly(t, answer)
	s.takes = answer / 2
	const says = "HTTP/1.1 204 No Content\r\n\r\n"
	go func() {
		in := bufio.NewReader(other)
		if _, err := io.CopyN(io.Discard, in, 1<<20); err == nil {
			_, _ = io.WriteString(other, says)
		}
	}()
	got := make([]byte, 100)
	n, err := s.c.Read(got)
	if err != nil || string(got[:n]) != says {
		t.Fatalf("got %q, %v", got[:n], err)
	}
	if !s.lately {
		t.Error("the writing took half of the time that the answer has")
	}
}

// TestARequestThatIsNotTakenFailsOnce: its error says once that nothing moved.
func TestARequestThatIsNotTakenFailsOnce(t *testing.T) {
	s, _ := dialSlowly(t, time.Hour)
	s.fails = os.ErrDeadlineExceeded
	_, err := s.c.Read(make([]byte, 100))
	if !errors.Is(err, ErrStalled) || strings.Count(err.Error(), ErrStalled.Error()) != 1 {
		t.Errorf("got %v, want %v once", err, ErrStalled)
	}
}
