package worker

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/retry"
)

// Service is a queue and how it is served.
type Service struct {
	Queue queue.Queue
	Tasks int // at the same time, >= 1
	// Process does one message, as the worker's own Process does, which nil stands for.
	Process func(ctx context.Context, m queue.Message) error
	// Hold is for how long a message is kept invisible at a time while its task
	// runs: so late it is delivered again where this process dies.
	Hold time.Duration
	// Wait is how long one receive waits for a message; 0 is a minute, of which a
	// driver makes requests as long as its service allows: 30 s MNS, 20 s SQS.
	Wait time.Duration
	// Drain is how long tasks may go on once nothing is received any more. The
	// deadline of their context tells, so they hand over what does not fit.
	Drain time.Duration
	// Enough is asked after every receive; true ends the service, but for the
	// tasks under way. May be nil: never.
	Enough func() bool
}

const (
	pollWait   = time.Minute
	maxReceive = 16 // messages, of any queue's Receive
	// firstHold is when a message is held for the first time: what ends sooner
	// spares the request, and until then the queue's own time hides it.
	firstHold = time.Second
	// holdAgain is when a hold that failed is tried again, at the latest.
	holdAgain = 5 * time.Second
	// newerPause is how long a task waits for a version that can read it. Behind
	// newerSpent deliveries it goes on as a new message: queues bury what was
	// delivered too often.
	newerPause = 5 * time.Minute
	newerSpent = 10
	// maxLater is the longest pause of a task of which nothing can be noted now: in
	// the deliveries that the queues of infra/ allow it lasts for a day and more.
	maxLater = 30 * time.Minute
	// letGo bounds what is done about a message when its task was cut off.
	letGo = 5 * time.Second
	// The pauses while a queue cannot be read.
	firstRest, maxRest = time.Second, 5 * time.Second
	// A receive that was answered sooner than atOnce, and without a message, did not
	// wait: its service does not, or not for as many as ask it. The pauses behind such ones.
	atOnce                = 500 * time.Millisecond
	firstEmpty, mostEmpty = 100 * time.Millisecond, 5 * time.Second
	// brief is how long a receive waits where its answer is wanted soon: behind one
	// that failed it tells that the queue can be read again.
	brief = time.Second
)

// Poll serves q with n tasks at a time until ctx ends, and the tasks with it.
// While a task runs its message is kept invisible for hold at a time.
func (w *Worker) Poll(ctx context.Context, q queue.Queue, n int, hold time.Duration) {
	w.Serve(ctx, Service{Queue: q, Tasks: n, Hold: hold})
}

// Serve receives messages and does them until ctx ends, then lets those under
// way go on for as long as s says, and returns when all have ended. What was
// not done by then becomes visible again at once. However many tasks there may
// be, there is one receive at a time: it asks for as many messages as have a place.
// Behind receives that are answered at once and empty it pauses, longer each time, until
// one waits or brings a message.
func (w *Worker) Serve(ctx context.Context, s Service) {
	if s.Process == nil {
		s.Process = w.Process
	}
	brake := &brake{}
	tasks, end := s.drain(context.WithValue(ctx, brakeKey{}, brake))
	defer end()
	places := make(chan struct{}, s.Tasks)
	var all sync.WaitGroup
	defer all.Wait()
	for failures, empty := 0, 0; ; {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		n := 1 + more(places, min(s.Tasks, maxReceive)-1)
		wait := s.wait()
		passed := brake.passed.Load()
		if failures > 0 || passed > 0 {
			wait = min(wait, brief)
		}
		if passed > 0 {
			sleep(ctx, easing(passed))
		}
		asked := time.Now()
		messages, err := s.Queue.Receive(ctx, n, wait)
		took := time.Since(asked)
		for range n - len(messages) {
			<-places
		}
		for _, m := range messages {
			all.Go(func() {
				defer func() { <-places }()
				w.serve(ctx, tasks, s, m)
			})
		}
		if s.Enough != nil && s.Enough() {
			return
		}
		switch {
		case err == nil && len(messages) == 0 && took < atOnce:
			sleep(ctx, growing(firstEmpty, mostEmpty, empty))
			failures, empty = 0, empty+1
		case err == nil:
			failures, empty = 0, 0
		case ctx.Err() == nil:
			w.Log.WarnContext(ctx, "queue not read, will be tried again", "fault", fault.KindOf(err), "err", err)
			sleep(ctx, growing(firstRest, maxRest, failures))
			failures++
		}
	}
}

func (s Service) wait() time.Duration {
	if s.Wait > 0 {
		return s.Wait
	}
	return pollWait
}

// more takes up to n more places, as many as are free.
func more(places chan struct{}, n int) (taken int) {
	for taken < n {
		select {
		case places <- struct{}{}:
			taken++
		default:
			return taken
		}
	}
	return taken
}

// growing is the pause behind n others: first, twice as long each time, most in the
// end, give or take a quarter.
func growing(first, most time.Duration, n int) time.Duration {
	return retry.Policy{First: first, Most: most, Growth: 2, Jitter: 0.25}.Pause(n)
}

// serve does m, which stays invisible until that has ended.
func (w *Worker) serve(ctx, tasks context.Context, s Service, m queue.Message) {
	done := make(chan error, 1)
	if ctx.Err() != nil { // the message came when nothing was to be begun any more
		w.settle(ctx, s, m, ctx.Err())
		return
	}
	received := m // m gets new receipts meanwhile
	go func() { done <- s.Process(tasks, received) }()
	beat := time.NewTimer(min(firstHold, s.Hold/2))
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			held, err := s.Queue.Extend(tasks, m, s.Hold)
			switch {
			case err == nil:
				m = held
				beat.Reset(s.Hold / 2)
				continue
			case tasks.Err() != nil:
				continue
			case fault.KindOf(err) != fault.NotFound: // else it is no longer ours to hold
				beat.Reset(min(holdAgain, s.Hold/4))
			}
			w.Log.WarnContext(ctx, "message not held, it may be delivered twice", "fault", fault.KindOf(err), "err", err)
		case err := <-done:
			w.settle(ctx, s, m, err)
			return
		}
	}
}

// settle lets go of m, whose task ended with err.
func (w *Worker) settle(ctx context.Context, s Service, m queue.Message, err error) {
	over := ctx.Err() != nil
	own := context.WithoutCancel(ctx) // what was done is said, whatever ended meanwhile
	if over {
		var cancel context.CancelFunc
		own, cancel = context.WithTimeout(own, letGo)
		defer cancel()
	}
	switch {
	case err == nil:
		err = s.Queue.Delete(own, m)
	case fault.KindOf(err) == fault.Newer && m.Deliveries >= newerSpent:
		if err = s.Queue.Send(own, queue.Outgoing{Body: m.Body, Delay: newerPause}); err == nil {
			err = s.Queue.Delete(own, m)
		}
	case fault.KindOf(err) == fault.Newer:
		_, err = s.Queue.Extend(own, m, newerPause)
	case over: // another process that serves this queue takes the message now
		_, err = s.Queue.Extend(own, m, 0)
	case fault.KindOf(err) == fault.Later:
		_, err = s.Queue.Extend(own, m, growing(w.Pause, maxLater, m.Deliveries-1))
	default:
		_, err = s.Queue.Extend(own, m, w.pause(m.Deliveries-1))
	}
	if err != nil {
		w.Log.WarnContext(ctx, "message will be delivered again", "fault", fault.KindOf(err), "err", err)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
