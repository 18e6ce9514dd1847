package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/store/wiretest"
)

// TestTheContextEndsADirectRequest wherever it is.
func TestTheContextEndsADirectRequest(t *testing.T) {
	for name, begin := range map[string]string{"before its answer": "", "amid a head": "HTTP/1.1 200 OK\r\nContent-", "amid a body": odd.Head(200, "Content-Length: 100") + "0123"} {
		t.Run(name, func(t *testing.T) {
			why := errors.New("enough")
			ctx, end := context.WithCancelCause(t.Context())
			s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
				w.Send(begin)
				if begin == "" || !strings.Contains(begin, "\r\n\r\n") {
					end(why)
				}
				w.Hang()
			})
			r, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := NewDirect(by).RoundTrip(r)
			if err == nil {
				time.AfterFunc(time.Millisecond, func() { end(why) })
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close() // it has failed
			}
			if !errors.Is(err, why) {
				t.Errorf("got %v, want the context's cause", err)
			}
		})
	}
}

// TestADirectRequestWhoseContextHasEndedIsNotSent: who is told so need not fear that it was.
func TestADirectRequestWhoseContextHasEndedIsNotSent(t *testing.T) {
	var asked atomic.Int64
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) { asked.Add(1); w.Send(odd.Answer(200, "body")) })
	d := NewDirect(by)
	defer d.CloseIdleConnections()
	if _, _, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	for range 20 {
		r, err := http.NewRequestWithContext(ctx, "PUT", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body, r.ContentLength = InMemory([]byte("x")), 1
		if _, err := d.RoundTrip(r); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want %v", err, context.Canceled)
		}
	}
	if _, _, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil || asked.Load() != 2 || s.Conns() != 1 {
		t.Errorf("%v after %d requests over %d connections, want 2 over 1", err, asked.Load(), s.Conns())
	}
}

// TestAConnectionThatSleptIsNotUsedAgain: where the machine slept no timer closed it, and
// its other side may have left without a word.
func TestAConnectionThatSleptIsNotUsedAgain(t *testing.T) {
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) { w.Send(odd.Answer(200, "body")) })
	d := NewDirect(by)
	defer d.CloseIdleConnections()
	for want := 1; want <= 2; want++ {
		if _, _, err := wiretest.Ask(t, d, "GET", s.URL, nil); err != nil || s.Conns() != want {
			t.Errorf("%v over %d connections, want %d", err, s.Conns(), want)
		}
		for _, shelf := range d.idle {
			for _, l := range shelf.links {
				l.since = l.since.Add(-time.Minute)
			}
		}
	}
}

// TestTheContextEndsASecureRequestThatNobodyTakes at once: the other side, which reads no
// more, does not take TLS's word that it ends, either.
func TestTheContextEndsASecureRequestThatNobodyTakes(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	synctest.Test(t, func(t *testing.T) {
		by := New(time.Minute, time.Minute, time.Minute, Least)
		ctx, end := context.WithCancel(t.Context())
		by.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				c := tls.Server(there, &tls.Config{Certificates: s.TLS.Certificates, SessionTicketsDisabled: true, MinVersion: tls.VersionTLS12})
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				synctest.Wait() // until the request is written, and its answer waited for
				end()
			}()
			c := tls.Client(here, &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12})
			return c, c.HandshakeContext(ctx)
		}
		r, err := http.NewRequestWithContext(ctx, "GET", "https://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err = NewDirect(by).RoundTrip(r); !errors.Is(err, context.Canceled) || time.Since(begun) != 0 {
			t.Errorf("got %v after %v, want %v at once", err, time.Since(begun), context.Canceled)
		}
	})
}

// deadlines is a connection that takes everything, and keeps the deadline of it.
type deadlines struct {
	net.Conn
	write time.Time
}

func (*deadlines) Write(p []byte) (int, error)          { return len(p), nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// TestAWriteHasTheTimeOfItsOwnSize and not that of the one before.
func TestAWriteHasTheTimeOfItsOwnSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &deadlines{}
		c := newConn(to, 2*time.Minute, Least)
		c.answer = time.Minute
		for _, size := range []int{100, 64 << 10, 100} {
			time.Sleep(time.Second)
			if _, err := c.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			want := max(Least.Window, time.Duration(size/int(Least.Bytes))*time.Second)
			if left := time.Until(to.write); left < want*15/16 || left > want*17/16 {
				t.Errorf("%d bytes have %v, want %v", size, left, want)
			}
		}
	})
}

// TestADirectRequestThatIsNotTakenAtOnceIsWrittenWhole: the other side reads more slowly than
// the connection's buffers hold, over a new connection and over one that was idle.
func TestADirectRequestThatIsNotTakenAtOnceIsWrittenWhole(t *testing.T) {
	body := make([]byte, maxDirect)
	for i := range body {
		body[i] = byte(i * i >> 8)
	}
	var got []byte
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
		got = got[:0]
		for piece := make([]byte, 4<<10); ; time.Sleep(time.Millisecond) { // a slow reader, as the network may be
			n, err := r.Body.Read(piece)
			got = append(got, piece[:n]...)
			if err != nil {
				break
			}
		}
		w.Send(odd.Answer(200, "body"))
	})
	by.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
		}
		return c, err
	}
	d := NewDirect(by)
	defer d.CloseIdleConnections()
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), "PUT", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body, r.ContentLength = InMemory(body), int64(len(body))
		resp, err := d.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, body) || s.Conns() != 1 {
			t.Fatalf("%v, %d bytes came over %d connections, want these %d over one", err, len(got), s.Conns(), len(body))
		}
	}
}
