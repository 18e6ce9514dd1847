package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/store/wiretest"
)

// TestIdleConnectionsMakeRoom: where there is no descriptor for a connection, the idle ones of
// any transport, and of a Direct, are closed.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	var open atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, now http.ConnState) {
		switch now {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.Start()
	defer s.Close()
	by := New(time.Minute, time.Minute, time.Minute, Rate{})
	for _, trip := range []http.RoundTripper{by, NewDirect(New(time.Minute, time.Minute, time.Minute, Rate{}))} {
		if _, _, err := wiretest.Ask(t, trip, http.MethodGet, s.URL, nil); err != nil {
			t.Fatal(err)
		}
		refused := 0
		d := &dialer{func(ctx context.Context, network, addr string) (net.Conn, error) {
			if open.Load() > 0 {
				refused++
				return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		c, err := d.DialContext(ctx, "tcp", s.Listener.Addr().String())
		cancel()
		runtime.KeepAlive(trip)
		if err != nil || refused == 0 {
			t.Fatalf("%v after %d dials without a descriptor", err, refused)
		}
		_ = c.Close()
		for open.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// TestADescriptorIsWaitedForAMinute, or until the caller's context ends, and nothing else is.
func TestADescriptorIsWaitedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lacks := &dialer{func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
		}}
		refuses := &dialer{func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }}
		second, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for name, tc := range map[string]struct {
			d           *dialer
			ctx         context.Context
			least, most time.Duration
			want        error
		}{
			"no descriptor":             {lacks, t.Context(), scarceFor, scarceFor + time.Second, syscall.EMFILE},
			"a caller that waits less":  {lacks, second, 0, time.Second, syscall.EMFILE},
			"a host that is not served": {refuses, t.Context(), 0, 0, syscall.ECONNREFUSED},
		} {
			began := time.Now()
			_, err := tc.d.DialContext(tc.ctx, "tcp", "host:80")
			if took := time.Since(began); !errors.Is(err, tc.want) || took < tc.least || took > tc.most {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		}
	})
}
