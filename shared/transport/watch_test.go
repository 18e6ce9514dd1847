package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/emulator/odd"
)

// TestAContextEndsItsOwnRequestAlone has requests of two contexts over one connection.
func TestAContextEndsItsOwnRequestAlone(t *testing.T) {
	hang, hanging := make(chan bool, 9), make(chan struct{})
	s, by := serve(t, Least, func(w *odd.Wire, r *http.Request) {
		if <-hang {
			hanging <- struct{}{}
			time.Sleep(20 * time.Millisecond) // another context's end would come meanwhile
		}
		w.Send(odd.Answer(200, "body"))
	})
	d := NewDirect(by)
	defer d.CloseIdleConnections()
	ask := func(ctx context.Context, hangs bool) error {
		hang <- hangs
		r, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := d.RoundTrip(r)
		if err != nil {
			return err
		}
		_, err = io.ReadAll(resp.Body)
		return err
	}
	why := errors.New("enough")
	first, end := context.WithCancelCause(t.Context())
	for range 2 {
		if err := ask(first, false); err != nil {
			t.Fatal(err)
		}
	}
	other, endOther := context.WithCancelCause(t.Context())
	go func() { <-hanging; end(why) }()
	if err := ask(other, true); err != nil || s.Conns() != 1 {
		t.Fatalf("%v over %d connections, want that the end of another's context does nothing", err, s.Conns())
	}
	go func() { <-hanging; endOther(why) }()
	if err := ask(other, true); !errors.Is(err, why) {
		t.Errorf("got %v, want the end of its own context, in its second request, too", err)
	}
	idle, endIdle := context.WithCancelCause(t.Context())
	if err := ask(idle, false); err != nil {
		t.Fatal(err)
	}
	endIdle(why)
	time.Sleep(10 * time.Millisecond) // for what a context calls when it ends
	if err := ask(t.Context(), false); err != nil || s.Conns() != 2 {
		t.Errorf("%v over %d connections, want 2: the end of a context closes none that is idle", err, s.Conns())
	}
}

// TestAWatchAbortsWhatIsUnderWay in every order in which a context may end.
func TestAWatchAbortsWhatIsUnderWay(t *testing.T) {
	for name, tc := range map[string]struct {
		run  func(w *watch, ctx context.Context, end func())
		want int
	}{
		"before the first request": {func(w *watch, ctx context.Context, end func()) { end(); w.begin(ctx) }, 1},
		"amid it":                  {func(w *watch, ctx context.Context, end func()) { w.begin(ctx); end() }, 1},
		"behind it":                {func(w *watch, ctx context.Context, end func()) { w.begin(ctx); w.end(ctx); end() }, 0},
		"behind it, and once more": {func(w *watch, ctx context.Context, end func()) {
			w.begin(ctx)
			w.end(ctx)
			end()
			synctest.Wait()
			w.begin(ctx)
		}, 1},
		"amid the second": {func(w *watch, ctx context.Context, end func()) { w.begin(ctx); w.end(ctx); w.begin(ctx); end() }, 1},
		"amid another's": {func(w *watch, ctx context.Context, end func()) {
			w.begin(ctx)
			w.end(ctx)
			w.begin(context.Background())
			end()
		}, 0},
		"amid one that it comes to": {func(w *watch, ctx context.Context, end func()) {
			w.begin(context.Background())
			w.end(context.Background())
			w.begin(ctx)
			end()
		}, 1},
		"behind the watch": {func(w *watch, ctx context.Context, end func()) { w.begin(ctx); w.leave(); end() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				aborted := 0
				w := &watch{abort: func() { aborted++ }}
				ctx, end := context.WithCancel(t.Context())
				defer end()
				tc.run(w, ctx, end)
				synctest.Wait()
				if aborted != tc.want {
					t.Errorf("aborted %d times, want %d", aborted, tc.want)
				}
			})
		})
	}
}
