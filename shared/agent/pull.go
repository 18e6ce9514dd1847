package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/check"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

const (
	// pullSettle is longer than any process takes from its first look to its sign: one
	// that signs later has read this one's.
	pullSettle = 2 * time.Second
	// pullBeat is how often a puller gives a sign of life.
	pullBeat = live.For / 3
	// pullRest is how long a puller waits for work before it ends.
	pullRest = time.Minute
	// pullWait is how long one receive of a puller waits: between two it looks
	// whether there is still something to do.
	pullWait = 20 * time.Second
	// pullLook is how long a tick waits for a message where the depth of the queues is
	// unknown.
	pullLook = 3 * time.Second
	// pullDrain is how long before its end a puller stops receiving; a quarter of
	// the time there is if that is less.
	pullDrain = 90 * time.Second
	// pullEnd is kept free of that to give back messages and to sign off; a tenth
	// of the time there is if that is less.
	pullEnd = 8 * time.Second
	// pullLongest is how long an invocation lasts at most, and an hour for clocks
	// that differ (Function Compute 3.0, timeout: 86,400 s).
	pullLongest = 25 * time.Hour
)

// Pull works as an agent for stages until shortly before ctx's deadline, or
// until there has been nothing to do for a minute, and returns how many tasks it
// did. Where no message is ready, or most pull already, it returns at once.
func (a *Agent) Pull(ctx context.Context, most int, stages ...task.Stage) (done int, err error) {
	now := time.Now()
	others, err := live.ReadPulling(ctx, a.Ledger.Folder(), now.Add(-pullLongest), now)
	if err != nil || len(others) >= most {
		return 0, err
	}
	if ready, err := a.anyReady(ctx, stages); err != nil || !ready {
		return 0, err
	}
	me := live.Sign{Process: ledger.Nonce(), Since: time.Now()}
	if err := live.WritePulling(ctx, a.Ledger.Folder(), me, me.Since); err != nil {
		return 0, err
	}
	defer a.signOff(ctx, me)
	// Several may have looked at the same time. Once all of them have signed, those that
	// began later return.
	select {
	case <-time.After(pullSettle):
	case <-ctx.Done():
		return 0, nil
	}
	others, err = live.ReadPulling(ctx, a.Ledger.Folder(), now.Add(-pullLongest), time.Time{})
	if err != nil || !among(others[:min(most, len(others))], me) {
		return 0, err
	}
	return a.pullFor(ctx, me, stages), nil
}

func among(all []live.Sign, me live.Sign) bool {
	for _, p := range all {
		if p.Process == me.Process {
			return true
		}
	}
	return false
}

// pullFor serves stages and gives signs of life meanwhile.
func (a *Agent) pullFor(ctx context.Context, me live.Sign, stages []task.Stage) int {
	var done atomic.Int64
	o := Options{
		Tasks: DefaultTasks(stages...), Rest: pullRest, Wait: pullWait,
		Did: func() { done.Add(1) },
	}
	receiving, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		o.Drain = min(pullDrain, left/4) - min(pullEnd, left/10)
		receiving, cancel = context.WithDeadline(ctx, deadline.Add(-min(pullDrain, left/4)))
	}
	defer cancel()
	beating, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { a.beat(beating, me) })
	a.Serve(receiving, o)
	stop()
	beats.Wait()
	return int(done.Load())
}

// anyReady reports whether a message could be received, dead letters included
// where the verify stage is among stages. A queue of unknown depth is
// received from, for pullLook; what comes is given back, for the puller that begins then.
func (a *Agent) anyReady(ctx context.Context, stages []task.Stage) (bool, error) {
	var ready atomic.Bool
	var checks, looks []func(context.Context) error
	var mu sync.Mutex
	ask := func(q Queue) {
		checks = append(checks, func(ctx context.Context) error {
			depth, err := q.Depth(ctx)
			if depth.Ready > 0 {
				ready.Store(true)
			}
			if depth.Unknown {
				mu.Lock()
				defer mu.Unlock()
				looks = append(looks, func(ctx context.Context) error { return receivable(ctx, q, &ready) })
			}
			return err
		})
	}
	for _, s := range stages {
		ask(a.Queues.Stages[s])
		if s == task.Verifying {
			ask(a.Queues.Dead)
		}
	}
	err := check.All(ctx, checks)
	if err == nil && !ready.Load() {
		err = check.All(ctx, looks)
	}
	return ready.Load(), err
}

// receivable notes in ready that a message of q can be received, and gives it back.
func receivable(ctx context.Context, q queue.Queue, ready *atomic.Bool) error {
	got, err := q.Receive(ctx, 1, pullLook)
	for _, m := range got {
		ready.Store(true)
		if _, err := q.Extend(ctx, m, 0); err != nil {
			return err
		}
	}
	return err
}

// beat gives signs of life until ctx ends.
func (a *Agent) beat(ctx context.Context, me live.Sign) {
	tick := time.NewTicker(pullBeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := live.WritePulling(ctx, a.Ledger.Folder(), me, time.Now()); err != nil && ctx.Err() == nil {
				a.Log.WarnContext(ctx, "no sign of life given, another may pull in its place", "fault", fault.KindOf(err), "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// signOff records that this process pulls no longer. Without the record, others take it
// for ended within a minute or so.
func (a *Agent) signOff(ctx context.Context, me live.Sign) {
	if err := live.EmptyPulling(ctx, a.Ledger.Folder(), me); err != nil {
		a.Log.DebugContext(ctx, "not signed off", "fault", fault.KindOf(err), "err", err)
	}
}
