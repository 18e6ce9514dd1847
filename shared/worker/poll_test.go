package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mem"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// asked is one receive of a scripted queue.
type asked struct {
	most int
	wait time.Duration
}

// scripted answers each receive with what a test hands to it.
type scripted struct {
	*mem.Queue
	asked   chan asked
	answers chan []queue.Message
}

func (q scripted) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	select {
	case q.asked <- asked{most, wait}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case got := <-q.answers:
		return got, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// served is a service under test, and what ends it.
func served(t *testing.T, s worker.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { newWorld(nil).Serve(ctx, s) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return func() { cancel(); done.Wait() }
}

func TestOneReceiveAsksForAllPlacesThatAreFree(t *testing.T) {
	for name, tc := range map[string]struct {
		tasks int
		given []int // messages of each answer, none of which ends
		want  []int // what is asked for, one more
	}{
		"at rest for all of them":                 {8, []int{0, 0}, []int{8, 8, 8}},
		"never for more than a queue hands out":   {40, []int{0, 16}, []int{16, 16, 16}},
		"for those that are left":                 {4, []int{1, 2}, []int{4, 3, 1}},
		"for one message where one task may run":  {1, []int{0, 0}, []int{1, 1, 1}},
		"for the last places of more than can be": {20, []int{16}, []int{16, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			q := scripted{mem.New(mem.Options{}), make(chan asked), make(chan []queue.Message)}
			end := make(chan struct{})
			stop := served(t, worker.Service{Queue: q, Tasks: tc.tasks, Hold: time.Hour, Process: func(context.Context, queue.Message) error { <-end; return nil }})
			for i, want := range tc.want {
				got := <-q.asked
				if got.most != want || got.wait != time.Minute {
					t.Errorf("receive %d asked for %d messages and waits %v, want %d and a minute: one request as long as the service waits", i+1, got.most, got.wait, want)
				}
				if i < len(tc.given) {
					q.answers <- make([]queue.Message, tc.given[i])
				}
			}
			select { // a second one beside it would ask by now, or any time: it must not be there
			case got := <-q.asked:
				t.Errorf("a second receive asks for %d messages while the first waits", got.most)
			default:
			}
			close(end)
			stop()
		})
	}
}

func TestNothingIsReceivedWhileAllPlacesAreTaken(t *testing.T) {
	q := scripted{mem.New(mem.Options{}), make(chan asked), make(chan []queue.Message)}
	end := make(chan struct{}, 2)
	begun := make(chan struct{})
	served(t, worker.Service{Queue: q, Tasks: 2, Hold: time.Hour, Process: func(context.Context, queue.Message) error { begun <- struct{}{}; <-end; return nil }})
	<-q.asked
	q.answers <- make([]queue.Message, 2)
	<-begun
	<-begun
	select {
	case <-q.asked:
		t.Error("it receives, want it to wait for a place: a message without one would only grow old")
	default:
	}
	end <- struct{}{}
	if got := <-q.asked; got.most != 1 {
		t.Errorf("asked for %d, want the one place that got free", got.most)
	}
	end <- struct{}{}
}

// holding counts how often a message is held, and with which receipts.
type holding struct {
	*mem.Queue
	held chan queue.Message
}

func (q holding) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	if d > 0 && d < time.Second { // long enough in earnest for the slowest machine
		d = time.Hour
	}
	m, err := q.Queue.Extend(ctx, m, d)
	if err == nil && d > 0 {
		q.held <- m
	}
	return m, err
}

func TestAMessageIsHeldUnderItsNewestReceiptWhileItsTaskRuns(t *testing.T) {
	q := holding{mem.New(mem.Options{Visibility: time.Hour}), make(chan queue.Message)}
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	stop := served(t, worker.Service{Queue: q, Tasks: 1, Hold: 4 * time.Millisecond, Process: func(context.Context, queue.Message) error { <-end; return nil }})
	receipts := map[string]bool{}
	for range 5 { // an old receipt would be NotFound, and no hold would follow
		receipts[(<-q.held).Receipt] = true
	}
	close(end)
	go func() {
		for range q.held { // it may be held once more before it ends
		}
	}()
	stop()
	close(q.held)
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{}) || len(receipts) != 5 {
		t.Errorf("%d receipts, left in the queue: %+v, %v, want 5, and the message deleted under the last one", len(receipts), d, err)
	}
}

func TestHowAServiceDrains(t *testing.T) {
	cut := errors.New("cut off")
	for name, tc := range map[string]struct {
		drain   time.Duration
		process func(ctx context.Context, stop func()) error
		left    queue.Depth // once it has ended
	}{
		"a task under way ends, and its message goes": {time.Hour, func(ctx context.Context, stop func()) error {
			stop()
			return ctx.Err()
		}, queue.Depth{}},
		"its deadline is told, though it had none": {time.Hour, func(ctx context.Context, stop func()) error {
			inner, cancel := context.WithCancel(ctx) // as the pipeline passes it on
			defer cancel()
			if _, ok := inner.Deadline(); ok {
				return cut
			}
			stop()
			for { // it is told by another goroutine
				if end, ok := inner.Deadline(); ok {
					if left := time.Until(end); left > time.Hour || left < 50*time.Minute {
						return cut
					}
					return inner.Err()
				}
				time.Sleep(time.Millisecond)
			}
		}, queue.Depth{}},
		"a task that takes longer is cut off, and its message is there at once": {time.Millisecond, func(ctx context.Context, stop func()) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}, queue.Depth{Ready: 1}},
		"without a drain tasks end with the service": {0, func(ctx context.Context, stop func()) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}, queue.Depth{Ready: 1}},
		"a task that fails meanwhile is left to others": {time.Hour, func(ctx context.Context, stop func()) error {
			stop()
			return cut
		}, queue.Depth{Ready: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			q := mem.New(mem.Options{Visibility: time.Hour})
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			newWorld(nil).Serve(ctx, worker.Service{
				Queue: q, Tasks: 1, Hold: time.Hour, Drain: tc.drain,
				Process: func(ctx context.Context, _ queue.Message) error { return tc.process(ctx, stop) },
			})
			if d, err := q.Depth(t.Context()); err != nil || d != tc.left {
				t.Errorf("left in the queue: %+v, %v, want %+v", d, err, tc.left)
			}
		})
	}
}

func TestADeadlineOfReceivingIsKnownToTasksFromTheBeginning(t *testing.T) {
	q := mem.New(mem.Options{Visibility: time.Hour})
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), at)
	defer cancel()
	var end time.Time
	newWorld(nil).Serve(ctx, worker.Service{Queue: q, Tasks: 1, Hold: time.Hour, Drain: time.Minute, Process: func(ctx context.Context, _ queue.Message) error {
		end, _ = ctx.Deadline()
		cancel()
		return nil
	}})
	if want := at.Add(time.Minute); !end.Equal(want) {
		t.Errorf("a task's deadline is %v, want %v: that of receiving and the drain", end, want)
	}
}

func TestANewerMessageIsLeftAloneForAWhile(t *testing.T) {
	clock := mem.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	q := mem.New(mem.Options{Visibility: time.Hour, Clock: clock})
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(`{"v":99}`)}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w := newWorld(nil)
	w.Serve(ctx, worker.Service{Queue: q, Tasks: 1, Hold: time.Hour, Process: func(ctx context.Context, m queue.Message) error {
		defer stop()
		return w.Process(ctx, m)
	}})
	next, hidden := q.Next()
	if wait := next.Sub(clock.Now()); !hidden || wait != 5*time.Minute {
		t.Errorf("it is there again after %v (hidden: %v), want 5m: a process that cannot read it must not spin", wait, hidden)
	}
}

// TestNoQueueBuriesWhatWaitsForALedgerOrForANewerVersion counts how often a message is
// delivered: the queues of infra/ bury what was delivered 60 times.
func TestNoQueueBuriesWhatWaitsForALedgerOrForANewerVersion(t *testing.T) {
	for kind, tc := range map[fault.Kind]struct {
		wait time.Duration
		most int
	}{
		fault.Later: {25 * time.Hour, 60}, // limits.outage, and an hour
		fault.Newer: {7 * 24 * time.Hour, 20},
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := mem.New(mem.Options{Visibility: 30 * time.Minute})
				if err := q.Send(t.Context(), queue.Outgoing{Body: message(t, listTask).Body}); err != nil {
					t.Fatal(err)
				}
				most, until := 0, time.Now().Add(tc.wait)
				w := newWorld(nil)
				w.Pause = 30 * time.Second
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				w.Serve(ctx, worker.Service{Queue: q, Tasks: 1, Hold: 10 * time.Minute, Process: func(_ context.Context, m queue.Message) error {
					if !time.Now().Before(until) {
						stop()
						return nil
					}
					most = max(most, m.Deliveries)
					return fault.New(kind, "t", "", nil)
				}})
				if most >= tc.most || most < 5 {
					t.Errorf("in %v one message was delivered %d times, want less than %d", tc.wait, most, tc.most)
				}
				if late := time.Since(until); late > time.Hour {
					t.Errorf("it came %v after there was nothing to wait for any more", late)
				}
			})
		})
	}
}

func TestAServiceThatHasEnoughEnds(t *testing.T) {
	q := scripted{mem.New(mem.Options{}), make(chan asked, 10), make(chan []queue.Message, 10)}
	q.answers <- nil
	q.answers <- nil
	n := 0
	newWorld(nil).Serve(t.Context(), worker.Service{Queue: q, Tasks: 1, Hold: time.Hour, Enough: func() bool { n++; return n == 2 }})
	if n != 2 {
		t.Errorf("asked %d times, want it to end at the second answer", n)
	}
}

// refusing cannot be read until a test says so.
type refusing struct {
	*mem.Queue
	failures int
	fail     func() bool
}

func (q *refusing) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	if q.fail() {
		q.failures++
		return nil, fault.New(fault.Temporary, "test.Receive", "q", nil)
	}
	return q.Queue.Receive(ctx, most, wait)
}

func TestAQueueThatCannotBeReadIsReadAgain(t *testing.T) {
	q := &refusing{Queue: mem.New(mem.Options{Visibility: time.Hour})}
	q.fail = func() bool { return q.failures < 1 }
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := 0
	newWorld(nil).Serve(ctx, worker.Service{Queue: q, Tasks: 1, Hold: time.Hour, Process: func(context.Context, queue.Message) error { done++; stop(); return nil }})
	if done != 1 || q.failures != 1 {
		t.Errorf("done %d after %d failures, want 1 after 1", done, q.failures)
	}
}

// TestAQueueThatCanBeReadAgainTellsSoWithinSeconds has a queue that is down for
// an hour: what serves it knows that it is back within 8 s, though a receive of
// an empty queue waits for a minute.
func TestAQueueThatCanBeReadAgainTellsSoWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := time.Now().Add(time.Hour)
		q := &refusing{Queue: mem.New(mem.Options{}), fail: func() bool { return time.Now().Before(down) }}
		ctx, stop := context.WithCancel(t.Context())
		var read time.Duration
		newWorld(nil).Serve(ctx, worker.Service{Queue: answering{q, func(err error) {
			if err == nil {
				read = time.Since(down)
				stop()
			}
		}}, Tasks: 1, Hold: time.Hour})
		if read > 8*time.Second {
			t.Errorf("its first answer came %v after it could be read again, want 8 s at most", read)
		}
		if most := 1200; q.failures > most {
			t.Errorf("%d receives in an hour, want at most %d", q.failures, most)
		}
	})
}

// answering tells how each receive ended, as an agent's queues do.
type answering struct {
	queue.Queue
	ended func(error)
}

func (q answering) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	got, err := q.Queue.Receive(ctx, most, wait)
	q.ended(err)
	return got, err
}

// TestAnEmptyQueueThatAnswersAtOnceIsNotAskedAllTheTime has a service that does not wait for
// messages, and one that does: an hour of nothing, a message, and an hour more.
func TestAnEmptyQueueThatAnswersAtOnceIsNotAskedAllTheTime(t *testing.T) {
	for name, tc := range map[string]struct {
		hasty bool
		most  int           // receives in an hour
		late  time.Duration // how late the message is done at most
	}{
		"it does not wait": {true, 1000, 6270 * time.Millisecond},
		"it waits":         {false, 61, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &counting{Queue: mem.New(mem.Options{}), hasty: tc.hasty}
				ctx, stop := context.WithCancel(t.Context())
				var end sync.WaitGroup
				done := make(chan time.Time, 1)
				for range 2 {
					end.Go(func() {
						newWorld(nil).Serve(ctx, worker.Service{Queue: q, Tasks: 4, Hold: time.Hour, Process: func(context.Context, queue.Message) error { done <- time.Now(); return nil }})
					})
				}
				hour := func(most int) {
					t.Helper()
					before := q.asked.Load()
					time.Sleep(time.Hour)
					if n := int(q.asked.Load() - before); n > 2*most {
						t.Errorf("two services received %d times in an hour, want %d each at most", n, most)
					}
				}
				hour(tc.most)
				sent := time.Now()
				if err := q.Send(ctx, queue.Outgoing{Body: []byte("x")}); err != nil {
					t.Fatal(err)
				}
				if late := (<-done).Sub(sent); late > tc.late {
					t.Errorf("the message was done %v after it was sent, want %v at most", late, tc.late)
				}
				before := q.asked.Load()
				time.Sleep(time.Second)
				if n := q.asked.Load() - before; tc.hasty && n < 3 {
					t.Errorf("%d receives in the second behind a message, want it to look at once for more", n)
				}
				hour(tc.most)
				stop()
				end.Wait()
			})
		})
	}
}

// counting counts receives. In haste, none waits.
type counting struct {
	*mem.Queue
	hasty bool
	asked atomic.Int64
}

func (q *counting) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	q.asked.Add(1)
	if q.hasty {
		wait = 0
		time.Sleep(10 * time.Millisecond) // the request
	}
	return q.Queue.Receive(ctx, most, wait)
}

// TestWhoPassesEverythingOnReceivesLess has a process that may do none of what is
// in its queue, and then one task of another run: that is done, and it receives
// as before.
func TestWhoPassesEverythingOnReceivesLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := mem.New(mem.Options{})
		var took atomic.Int64
		w := &worker.Worker{
			Doer: passing{&took}, Log: slog.New(slog.DiscardHandler), Attempts: 3, Pause: time.Second,
			Send: map[task.Stage]queue.Sender{task.Copying: q},
		}
		if err := w.Submit(t.Context(), task.Task{Kind: task.Copy, Run: "a/b", Shard: "0", Batch: "0-b"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { w.Poll(ctx, q, 4, time.Minute) })
		time.Sleep(time.Minute)
		if n := took.Load(); n < 8 || n > 20 {
			t.Errorf("it took %d messages in a minute, want one in 5 s or so", n)
		}
		before := took.Load()
		for i := range 50 {
			if err := w.Submit(ctx, task.Task{Kind: task.Copy, Run: "a/c", Shard: "0", Batch: fmt.Sprint("0-", i)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(15 * time.Second)
		if n := took.Load() - before; n < 50 {
			t.Errorf("it took %d of 50 messages of another run within 15 s, want all", n)
		}
		stop()
		done.Wait()
	})
}

// passing passes the tasks of run a/b on, does all others, and counts both.
type passing struct{ took *atomic.Int64 }

func (d passing) Do(_ context.Context, t task.Task) ([]task.Task, error) {
	d.took.Add(1)
	if t.Run != "a/b" {
		return nil, nil
	}
	t.Passed++
	t.Delay = time.Millisecond
	return []task.Task{t}, nil
}

func (passing) GiveUp(context.Context, task.Task, error) ([]task.Task, error) { return nil, nil }
