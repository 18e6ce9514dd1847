package transport

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/store/wiretest"
)

// TestEveryConnectionIsUsedAgain has as many requests under way at once as a process may
// have objects in flight, twice.
func TestEveryConnectionIsUsedAgain(t *testing.T) {
	const atOnce = 600
	var made atomic.Int64
	var under sync.WaitGroup // requests of the round that have arrived
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		under.Done()
		under.Wait()
	}))
	s.Config.ConnState = func(_ net.Conn, now http.ConnState) {
		if now == http.StateNew {
			made.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	by := New(time.Minute, time.Minute, time.Minute, Rate{})
	defer by.CloseIdleConnections()
	for range 2 {
		under.Add(atOnce)
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				if _, _, err := wiretest.Ask(t, by, http.MethodGet, s.URL, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if n := made.Load(); n != atOnce {
		t.Errorf("%d connections were made for %d requests at once, twice", n, atOnce)
	}
}
