package store_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/wiretest"
	"kodoferry/shared/transport"
)

const (
	answer  = 300 * time.Millisecond
	silence = 400 * time.Millisecond
)

// raw serves connections by hand, each until serve returns.
func raw(t *testing.T, serve func(c net.Conn, in *bufio.Reader)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

// taken reads one request that has no body.
func taken(in *bufio.Reader) bool {
	r, err := http.ReadRequest(in)
	return err == nil && r.Body.Close() == nil
}

// ask makes one request and reads its answer.
func ask(t *testing.T, by http.RoundTripper, method, url string, body io.Reader) (string, error) {
	t.Helper()
	_, text, err := wiretest.Ask(t, by, method, url, body)
	return text, err
}

// ways are how drivers send: by net/http, or as transport.Direct has it.
var ways = map[string]func() idler{
	"by net/http": func() idler { return store.NewTransport(answer, silence, time.Minute) },
	"directly":    func() idler { return transport.NewDirect(store.NewTransport(answer, silence, time.Minute)) },
}

type idler interface {
	http.RoundTripper
	CloseIdleConnections()
}

func TestWhereNothingMovesTheConnectionIsGivenUp(t *testing.T) {
	until := t.Context().Done()
	for name, tc := range map[string]struct {
		serve func(c net.Conn, in *bufio.Reader)
		body  io.Reader
	}{
		"half an answer": {func(c net.Conn, in *bufio.Reader) {
			taken(in)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01")
			<-until
		}, nil},
		"a body that is not taken": {func(net.Conn, *bufio.Reader) { <-until }, io.LimitReader(endless{}, 1<<30)},
	} {
		for way, made := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				by := made()
				defer by.CloseIdleConnections()
				method := http.MethodGet
				if tc.body != nil {
					method = http.MethodPut
				}
				_, err := ask(t, by, method, raw(t, tc.serve), tc.body)
				if !errors.Is(err, store.ErrStalled) || fault.KindOf(err) != fault.Temporary {
					t.Errorf("got %v of kind %q, want %v, Temporary", err, fault.KindOf(err), store.ErrStalled)
				}
			})
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWhatMovesSlowlyIsNotGivenUp(t *testing.T) {
	serve := func(c net.Conn, in *bufio.Reader) {
		for taken(in) {
			for _, piece := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "0123", "456", "789"} {
				time.Sleep(answer * 8 / 10)
				_, _ = io.WriteString(c, piece)
			}
		}
	}
	for way, made := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			by := made()
			defer by.CloseIdleConnections()
			url := raw(t, serve)
			for range 2 { // the second over the same connection, which had been idle for nearly as long
				if got, err := ask(t, by, http.MethodGet, url, nil); got != "0123456789" || err != nil {
					t.Fatalf("got %q, %v, want all of it", got, err)
				}
				time.Sleep(silence * 8 / 10)
			}
		})
	}
}

// TestWhatIsNeverAnsweredIsAskedOnce has other connections lie idle: net/http
// asks once more on each of them where one that was used before merely fails.
func TestWhatIsNeverAnsweredIsAskedOnce(t *testing.T) {
	for way, made := range ways {
		t.Run(way, func(t *testing.T) { isAskedOnce(t, made()) })
	}
}

func isAskedOnce(t *testing.T, by idler) {
	defer by.CloseIdleConnections()
	const others = 8
	var asked atomic.Int64
	all := make(chan struct{}) // closed once every other request has come
	var come atomic.Int64
	url := raw(t, func(c net.Conn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			switch {
			case err != nil:
				return
			case r.URL.Path == "/silent":
				asked.Add(1)
				continue
			case come.Add(1) == others:
				close(all)
			}
			<-all
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	done := make(chan error)
	for range others {
		go func() {
			_, err := ask(t, by, http.MethodGet, url+"/other", nil)
			done <- err
		}()
	}
	for range others {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	_, err := ask(t, by, http.MethodGet, url+"/silent", nil)
	if fault.KindOf(err) != fault.Temporary || asked.Load() != 1 {
		t.Errorf("got %v of kind %q after %s and %d requests, want it Temporary after one", err, fault.KindOf(err), time.Since(begun), asked.Load())
	}
}
