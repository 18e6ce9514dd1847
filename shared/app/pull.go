package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// Pull is the function that a timer starts and that then works as an agent
// does, for most of its invocation. It is all that its main calls, and it never
// returns. It is for accounts where event streams are too narrow or 5 minutes
// too short. The timer's payload names the stages to serve, as "copy" or
// "list,copy"; empty is all of them.
//
// A timer starts one invocation a tick. Each ends at once where there is nothing
// to do or FERRY_PULL_INSTANCES are at work already. Otherwise it reads what
// Function reads.
func Pull() {
	f := newFunction("", Load(os.Getenv), slog.New(faas.WithRequest(LogHandler(os.Stdout, LogLevel(os.Getenv("FERRY_LOG")), nil))))
	faas.Main(noMessages, faas.Options{Ready: f.readyToPull, Swap: f.swap, Idle: f.closeIdle, Log: f.log, Timer: f.pull})
}

func noMessages(context.Context, faas.Message) error {
	return errors.New("this function receives its messages itself: take the stream away from it and give it a timer")
}

const (
	// pullers is how many invocations pull at the same time unless the
	// environment says otherwise: a tenth of the instances that an account has.
	pullers = 10
	// pullSettle is longer than any takes from its first look to its sign: whoever
	// signs later has seen this one's.
	pullSettle = 2 * time.Second
	// pullBeat is how often a puller gives a sign of life.
	pullBeat = ledger.LiveFor / 3
	// pullRest is how long a puller waits for work before it ends.
	pullRest = time.Minute
	// pullWait is how long one receive of a puller waits: between two it looks
	// whether there is still something to do.
	pullWait = 20 * time.Second
	// pullLook is how long a tick waits for a message where the queues do not tell
	// whether they hold any.
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

// pulls is how many may pull at the same time.
func (c Config) pulls() (int, error) {
	if c.Pullers == "" {
		return pullers, nil
	}
	n, err := strconv.Atoi(c.Pullers)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, "environment", "FERRY_PULL_INSTANCES", fmt.Errorf("FERRY_PULL_INSTANCES is %q: write a whole number from 1, or leave it out", c.Pullers))
	}
	return n, nil
}

func (f *function) readyToPull() error {
	_, err := f.config.pulls()
	return errors.Join(f.ready(), err)
}

// pull is a tick.
func (f *function) pull(ctx context.Context, t faas.Timer) error {
	d, derr := f.deploy()
	most, merr := f.config.pulls()
	stages, serr := Stages(strings.FieldsFunc(t.Payload, func(r rune) bool { return r == ',' || r == ' ' }))
	if err := errors.Join(derr, merr, serr); err != nil {
		return err
	}
	done, err := d.Pull(ctx, most, stages...)
	f.log.InfoContext(ctx, "pull ended", "tasks", done)
	return err
}

// Pull works as an agent for stages until shortly before ctx's deadline, or
// until there has been nothing to do for a minute, and returns how many tasks it
// did. Where no message is ready, or most pull already, it returns at once.
func (d *Deployment) Pull(ctx context.Context, most int, stages ...task.Stage) (done int, err error) {
	now := time.Now()
	others, err := d.ledger.Pulling(ctx, now.Add(-pullLongest), now)
	if err != nil || len(others) >= most {
		return 0, err
	}
	if ready, err := d.anyReady(ctx, stages); err != nil || !ready {
		return 0, err
	}
	me := ledger.Living{Process: ledger.Nonce(), Since: time.Now()}
	if err := d.ledger.Pull(ctx, me, me.Since); err != nil {
		return 0, err
	}
	defer d.signOff(ctx, me)
	// Several may have looked at the same time. Once all of them have signed, those
	// who began later step back.
	select {
	case <-time.After(pullSettle):
	case <-ctx.Done():
		return 0, nil
	}
	others, err = d.ledger.Pulling(ctx, now.Add(-pullLongest), time.Time{})
	if err != nil || !among(others[:min(most, len(others))], me) {
		return 0, err
	}
	return d.pullFor(ctx, me, stages), nil
}

func among(all []ledger.Living, me ledger.Living) bool {
	for _, p := range all {
		if p.Process == me.Process {
			return true
		}
	}
	return false
}

// pullFor serves stages and gives signs of life meanwhile.
func (d *Deployment) pullFor(ctx context.Context, me ledger.Living, stages []task.Stage) int {
	var done atomic.Int64
	o := AgentOptions{
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
	beats.Go(func() { d.beat(beating, me) })
	d.Serve(receiving, o)
	stop()
	beats.Wait()
	return int(done.Load())
}

// anyReady reports whether a message could be received, dead letters included
// where the verify stage is among stages. A queue that does not tell how much it
// holds is received from, for pullLook; what comes is given back, for the puller
// that begins then.
func (d *Deployment) anyReady(ctx context.Context, stages []task.Stage) (bool, error) {
	var ready atomic.Bool
	var checks, looks []func(context.Context) error
	var mu sync.Mutex
	check := func(q stageQueue) {
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
		check(d.queues[s])
		if s == task.Verifying {
			check(d.dead)
		}
	}
	err := all(ctx, checks)
	if err == nil && !ready.Load() {
		err = all(ctx, looks)
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
func (d *Deployment) beat(ctx context.Context, me ledger.Living) {
	tick := time.NewTicker(pullBeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.ledger.Pull(ctx, me, time.Now()); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "no sign of life given, another may pull in its place", "fault", fault.KindOf(err), "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// signOff says that this process pulls no longer. Others find out by themselves
// within a minute or so.
func (d *Deployment) signOff(ctx context.Context, me ledger.Living) {
	if err := d.ledger.Pulled(ctx, me); err != nil {
		d.log.DebugContext(ctx, "not signed off", "fault", fault.KindOf(err), "err", err)
	}
}
