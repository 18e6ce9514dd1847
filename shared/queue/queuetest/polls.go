package queuetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// Polls is a queue whose service answers a receive when there are messages, or
// after a while: a cancelled Receive leaves such a request behind, whose
// messages are given back when they come.
type Polls struct {
	Queue interface {
		queue.Queue
		Left() int // requests left behind
		Close(context.Context)
		CloseIdle()
	}
	Least   time.Duration         // the service hides a message for so long at least
	Longest time.Duration         // the service waits at most for so long
	Count   func(op string) int64 // requests of an operation so far: "receive", or "visibility", which gives back
	Advance func(d time.Duration) // lets time pass for the service and the queue, faster than it does by itself
	Stop    func()                // the service
}

// OpenPolls returns an empty queue for one test, that hides a received message
// for visibility.
type OpenPolls func(t *testing.T, visibility time.Duration) Polls

// RunPolls tests what a queue does with requests that outlive their Receive.
func RunPolls(t *testing.T, open OpenPolls) {
	for name, test := range map[string]func(*testing.T, OpenPolls){
		"what a cancelled receive gets is given back":          givenBack,
		"cancelled receives leave nothing behind for long":     nothingForLong,
		"Close ends what is left behind when its time is over": closeEnds,
		"a receive under a deadline leaves nothing behind":     underDeadline,
		"a wait may be longer than the service waits":          longerWait,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

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
func (p Polls) abandon(t *testing.T, n int) {
	t.Helper()
	before := p.Count("receive")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	results := make(chan error)
	for range n {
		go func() {
			_, err := p.Queue.Receive(ctx, 16, p.Longest)
			results <- err
		}()
	}
	eventually(t, "the receives have begun", func() bool { return p.Count("receive") == before+int64(n) })
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

func givenBack(t *testing.T, open OpenPolls) {
	p := open(t, time.Hour)
	p.abandon(t, 1)
	var out []queue.Outgoing
	for i := range 3 {
		out = append(out, queue.Outgoing{Body: fmt.Append(nil, i)})
	}
	if err := p.Queue.Send(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	p.Queue.Close(t.Context())
	if n := p.Count("visibility"); n == 0 {
		t.Fatal("nothing was given back: the receive that was left behind got nothing")
	}
	p.Advance(p.Least)
	got := map[string]bool{}
	again := 0
	messages, err := p.Queue.Receive(t.Context(), 16, 0)
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

func nothingForLong(t *testing.T, open OpenPolls) {
	before := runtime.NumGoroutine()
	p := open(t, 30*time.Second)
	p.abandon(t, 20)
	if n := p.Queue.Left(); n != 20 {
		t.Errorf("%d requests left behind, want 20", n)
	}
	p.Advance(p.Longest) // then the service has waited as long as it was asked to
	p.Queue.Close(t.Context())
	if n := p.Queue.Left(); n != 0 {
		t.Errorf("%d requests after Close, want none", n)
	}
	p.Queue.CloseIdle()
	p.Stop()
	eventually(t, "no goroutine outlives its call", func() bool { return runtime.NumGoroutine() <= before })
}

func closeEnds(t *testing.T, open OpenPolls) {
	p := open(t, 30*time.Second)
	p.abandon(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	begun := time.Now()
	p.Queue.Close(ctx)
	if took := time.Since(begun); took > 10*time.Second || p.Queue.Left() != 0 {
		t.Errorf("Close took %v and left %d requests, want it to end them at once", took, p.Queue.Left())
	}
}

func underDeadline(t *testing.T, open OpenPolls) {
	p := open(t, 30*time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, err := p.Queue.Receive(ctx, 1, 30*time.Second)
	if fault.KindOf(err) != fault.Temporary || ctx.Err() == nil {
		t.Errorf("Receive = %v, want it temporary, once the deadline has passed", err)
	}
	if n := p.Queue.Left(); n != 0 {
		t.Errorf("%d requests left behind, want none: the service was asked to wait 1 s", n)
	}
	if n := p.Count("receive"); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func longerWait(t *testing.T, open OpenPolls) {
	p := open(t, 30*time.Second)
	const wait = 70 * time.Second
	done := make(chan error, 1)
	go func() {
		got, err := p.Queue.Receive(t.Context(), 1, wait)
		if err == nil && len(got) != 0 {
			err = errors.New("a message out of nothing")
		}
		done <- err
	}()
	eventually(t, "the Receive has ended", func() bool {
		p.Advance(5 * time.Second)
		return len(done) == 1
	})
	if err := <-done; err != nil {
		t.Errorf("Receive = %v, want no message and no error", err)
	}
	want := int64((wait + p.Longest - 1) / p.Longest)
	if n := p.Count("receive"); n != want {
		t.Errorf("%d requests, want %d for a wait of %s", n, want, wait)
	}
}
