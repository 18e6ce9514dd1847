package remotetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// eventually waits until what has come true.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !true(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// abandon starts n receives and cancels them once the service waits for all.
func (s Suite) abandon(t *testing.T, w world, q Driver, n int) {
	t.Helper()
	before := w.count("receive")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	results := make(chan error)
	for range n {
		go func() {
			_, err := q.Receive(ctx, 16, s.Longest)
			results <- err
		}()
	}
	eventually(t, "the receives have begun", func() bool { return w.count("receive") == before+int64(n) })
	cancelled := time.Now()
	cancel(enough)
	for range n {
		if err := <-results; !errors.Is(err, enough) || fault.KindOf(err) != fault.Temporary {
			t.Errorf("a cancelled Receive = %v, want the cause, temporary", err)
		}
	}
	if took := time.Since(cancelled); took > 5*time.Second {
		t.Errorf("the receives ended after %v, want at once", took)
	}
}

func givenBack(t *testing.T, s Suite) {
	w, q := s.open(t, pile.Attributes{Visibility: time.Hour}, Way{})
	s.abandon(t, w, q, 1)
	var out []queue.Outgoing
	for i := range 3 {
		out = append(out, queue.Outgoing{Body: fmt.Append(nil, i)})
	}
	if err := q.Send(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	q.Close(t.Context())
	if n := w.count("visibility"); n == 0 {
		t.Fatal("nothing was given back: the receive that was left behind got nothing")
	}
	w.clock.Advance(s.Least)
	got := map[string]bool{}
	again := 0
	messages, err := q.Receive(t.Context(), 16, 0)
	for _, m := range messages {
		got[string(m.Body)] = true
		if m.Deliveries == 2 {
			again++
		}
	}
	if err != nil || len(got) != 3 || again == 0 {
		t.Errorf("received %+v, %v, want all three, an hour before they would come by themselves", messages, err)
	}
}

func nothingForLong(t *testing.T, s Suite) {
	before := runtime.NumGoroutine()
	w, q := s.open(t, pile.Attributes{Visibility: 30 * time.Second}, Way{})
	s.abandon(t, w, q, 20)
	if n := q.Left(); n != 20 {
		t.Errorf("%d requests left behind, want 20", n)
	}
	w.clock.Advance(s.Longest) // then the service has waited as long as it was asked to
	q.Close(t.Context())
	if n := q.Left(); n != 0 {
		t.Errorf("%d requests after Close, want none", n)
	}
	q.CloseIdle()
	_ = w.Server.Close()
	eventually(t, "no goroutine outlives its call", func() bool { return runtime.NumGoroutine() <= before })
}

func closeEnds(t *testing.T, s Suite) {
	w, q := s.open(t, pile.Attributes{Visibility: 30 * time.Second}, Way{})
	s.abandon(t, w, q, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	begun := time.Now()
	q.Close(ctx)
	if took := time.Since(begun); took > 10*time.Second || q.Left() != 0 {
		t.Errorf("Close took %v and left %d requests, want it to end them at once", took, q.Left())
	}
}

func underDeadline(t *testing.T, s Suite) {
	w, q := s.open(t, pile.Attributes{Visibility: 30 * time.Second}, Way{})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, err := q.Receive(ctx, 1, 30*time.Second)
	if fault.KindOf(err) != fault.Temporary || ctx.Err() == nil {
		t.Errorf("Receive = %v, want it temporary, once the deadline has passed", err)
	}
	if n := q.Left(); n != 0 {
		t.Errorf("%d requests left behind, want none: the service was asked to wait 1 s", n)
	}
	if n := w.count("receive"); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func longerWait(t *testing.T, s Suite) {
	w, q := s.open(t, pile.Attributes{Visibility: 30 * time.Second}, Way{})
	const wait = 70 * time.Second
	done := make(chan error, 1)
	go func() {
		got, err := q.Receive(t.Context(), 1, wait)
		if err == nil && len(got) != 0 {
			err = errors.New("a message out of nothing")
		}
		done <- err
	}()
	eventually(t, "the Receive has ended", func() bool {
		w.clock.Advance(5 * time.Second)
		return len(done) == 1
	})
	if err := <-done; err != nil {
		t.Errorf("Receive = %v, want no message and no error", err)
	}
	want := int64((wait + s.Longest - 1) / s.Longest)
	if n := w.count("receive"); n != want {
		t.Errorf("%d requests, want %d for a wait of %s", n, want, wait)
	}
}
