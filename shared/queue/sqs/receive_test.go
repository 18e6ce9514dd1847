package sqs_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/sqs"
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

// abandon starts n receives of 20 s and cancels them once SQS waits for all.
func abandon(t *testing.T, s *stand.Server, q *sqs.Queue, n int) {
	t.Helper()
	before := s.Desk().Counts()["receive"]
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	results := make(chan error)
	for range n {
		go func() {
			_, err := q.Receive(ctx, 16, 20*time.Second)
			results <- err
		}()
	}
	eventually(t, "the receives have begun", func() bool { return s.Desk().Counts()["receive"] == before+int64(n) })
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

func TestWhatACancelledReceiveGetsIsGivenBack(t *testing.T) {
	c := &clock{}
	s := start(t, c.now)
	c.tick = s.Tick
	q := on(c, open(t, s, "jobs", stand.Attributes{Visibility: time.Hour}))
	abandon(t, s, q, 1)
	if err := q.Send(t.Context(), numbers(3)...); err != nil {
		t.Fatal(err)
	}
	q.Close(t.Context())
	if n := s.Desk().Counts()["visibility"]; n == 0 {
		t.Fatal("nothing was given back: the receive that was left behind got nothing")
	}
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

func TestCancelledReceivesLeaveNothingBehindForLong(t *testing.T) {
	before := runtime.NumGoroutine()
	c := &clock{}
	s := start(t, c.now)
	c.tick = s.Tick
	q := on(c, open(t, s, "jobs", stand.Attributes{}))
	abandon(t, s, q, 20)
	if n := q.Left(); n != 20 {
		t.Errorf("%d requests left behind, want 20", n)
	}
	c.advance(20 * time.Second) // then SQS has waited as long as it was asked to
	q.Close(t.Context())
	if n := q.Left(); n != 0 {
		t.Errorf("%d requests after Close, want none", n)
	}
	q.CloseIdle()
	_ = s.Close()
	eventually(t, "no goroutine outlives its call", func() bool { return runtime.NumGoroutine() <= before })
}

func TestCloseEndsWhatIsLeftBehindWhenItsTimeIsOver(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	abandon(t, s, q, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	begun := time.Now()
	q.Close(ctx)
	if took := time.Since(begun); took > 10*time.Second || q.Left() != 0 {
		t.Errorf("Close took %v and left %d requests, want it to end them at once", took, q.Left())
	}
}

func TestAReceiveUnderADeadlineLeavesNothingBehind(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, err := q.Receive(ctx, 1, 30*time.Second)
	if fault.KindOf(err) != fault.Temporary || ctx.Err() == nil {
		t.Errorf("Receive = %v, want it temporary, once the deadline has passed", err)
	}
	if n := q.Left(); n != 0 {
		t.Errorf("%d requests left behind, want none: SQS was asked to wait 1 s", n)
	}
	if n := s.Desk().Counts()["receive"]; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestAWaitMayBeLongerThanSQSWaits(t *testing.T) {
	c := &clock{}
	s := start(t, c.now)
	c.tick = s.Tick
	q := on(c, open(t, s, "jobs", stand.Attributes{}))
	done := make(chan error, 1)
	go func() {
		got, err := q.Receive(t.Context(), 1, 70*time.Second)
		if err == nil && len(got) != 0 {
			err = errors.New("a message out of nothing")
		}
		done <- err
	}()
	eventually(t, "the Receive has ended", func() bool {
		c.advance(5 * time.Second)
		return len(done) == 1
	})
	if err := <-done; err != nil {
		t.Errorf("Receive = %v, want no message and no error", err)
	}
	if n := s.Desk().Counts()["receive"]; n != 4 {
		t.Errorf("%d requests, want 4 for a wait of 70 s", n)
	}
}

func TestADamagedBodyIsNotReceived(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{Visibility: time.Hour})
	const body = "0123456789012345678901234567890123456789012345678901234567890123456789"
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	s.Desk().Inject(chaos.Rule{Op: "receive", Kind: chaos.Flip, Rate: 1})
	kinds := map[fault.Kind]int{}
	for range 200 {
		got, err := q.Receive(t.Context(), 1, 0)
		kinds[fault.KindOf(err)]++
		for _, m := range got {
			if string(m.Body) != body {
				t.Fatalf("received %q, want %q or an error", m.Body, body)
			}
		}
		if err := s.Send("jobs", []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	if kinds[fault.Corrupt] == 0 {
		t.Errorf("errors by kind: %v, want some corrupt", kinds)
	}
}

func TestAskingForTheImpossibleIsInvalid(t *testing.T) {
	q := open(t, start(t, nil), "jobs", stand.Attributes{})
	for _, n := range []int{-1, 0, 17} {
		if _, err := q.Receive(t.Context(), n, 0); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Receive(%d) = %v, want kind %s", n, err, fault.Invalid)
		}
	}
	if _, err := q.Extend(t.Context(), queue.Message{Receipt: "x"}, -time.Second); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Extend by -1 s = %v, want kind %s", err, fault.Invalid)
	}
	if err := q.Delete(t.Context(), queue.Message{Receipt: "not of this process"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Delete by no receipt = %v, want kind %s", err, fault.NotFound)
	}
}
