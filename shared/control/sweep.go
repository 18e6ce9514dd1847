package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/random"
)

const (
	// SweepEvery is how often at most a run's tasks are sent again.
	SweepEvery = 30 * time.Minute
	// StallAfter is how long a run makes no progress before it counts as stalled:
	// longer than any task may take.
	StallAfter = 15 * time.Minute
	// endFor is how long one sweep works at most on the books of one cancelled run,
	// and endMargin what it leaves of its own time.
	endFor    = 5 * time.Minute
	endMargin = 15 * time.Second
	// neverBegun is how old a run is that has a mark and no first record before it
	// is taken for one that will get none.
	neverBegun = 24 * time.Hour
)

// SweepNow is Sweep at the time of the ledger's own clock: its store dates the records
// that show how long a run, or a task, has been silent.
func (c *Control) SweepNow(ctx context.Context, every time.Duration) error {
	now, err := c.Ledger.Now(ctx)
	if err != nil {
		return err
	}
	return c.Sweep(ctx, every, now)
}

// Sweep looks at every run that is not over, however old it is, and sends again
// what is lost of it, at most once in every for each run: a queue delivers late,
// and it may lose messages; resend.go distinguishes loss from backlog. Sweep closes the
// books of a run that was cancelled by a process that ended before it had, and records
// which runs have stalled. now is by the clock of the ledger's store. The order of the
// runs is random, so that one that takes all the time of an invocation does not keep
// the others waiting for good.
func (c *Control) Sweep(ctx context.Context, every time.Duration, now time.Time) error {
	var errs []error
	if err := index.Recall(ctx, c.Ledger); err != nil {
		errs = append(errs, err)
	}
	runs, err := index.Open(ctx, c.Ledger, time.Time{})
	days, derr := index.OpenEvents(ctx, c.Ledger, time.Time{})
	errs = append(errs, err, derr)
	all := append(runs, days...)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c.Log.DebugContext(ctx, "runs that are not over are looked at", "runs", len(runs), "days", len(days))
	var ending []string
	var stalls sync.WaitGroup // alerts of stalled runs, all at the same time
	defer stalls.Wait()
	for _, run := range all {
		final, err := c.sweepRun(ctx, run, every, now, &stalls)
		errs = append(errs, err)
		if final {
			ending = append(ending, run)
		}
	}
	for _, run := range ending { // last: it may take all the time there is
		errs = append(errs, c.end(ctx, run, now))
	}
	return errors.Join(errs...)
}

// sweepRun sweeps one run, be it of events or not. final reports that the books
// of the run are to be closed: the process that ended it has not closed them.
func (c *Control) sweepRun(ctx context.Context, name string, every time.Duration, now time.Time, stalls *sync.WaitGroup) (final bool, err error) {
	run := c.Ledger.Run(name)
	standing, since, err := run.Steering().ReadStanding(ctx)
	if err == nil && !since.IsZero() {
		since, err = run.Steering().StandingWritten(ctx, standing)
	}
	switch {
	case err != nil || standing == ledger.Paused || standing == ledger.Over:
	case standing.Final():
		final = now.Sub(since) > limit.Notice
		return final, nil // else the process that ended it may be closing them
	case eventnames.IsRun(name):
		err = c.sweepDay(ctx, run, every, now)
	default:
		err = c.sweep(ctx, run, since, every, now, stalls)
	}
	if ledger.Missing(err) {
		if begun, berr := c.begun(ctx, name, now); !begun || berr != nil {
			return false, berr
		}
	}
	if err != nil {
		c.Log.ErrorContext(ctx, "run not swept", "run", name, "fault", fault.KindOf(err), "err", err)
	}
	return false, err
}

// end closes the books of a cancelled run, or works on them as long as there is
// time: the next sweep goes on with them.
func (c *Control) end(ctx context.Context, run string, now time.Time) error {
	until := time.Now().Add(endFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-endMargin).Before(until) {
		until = deadline.Add(-endMargin)
	}
	work, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	_, err := c.Pipeline.End(work, run)
	if ledger.Missing(err) {
		if begun, berr := c.begun(ctx, run, now); !begun || berr != nil {
			return berr
		}
	}
	switch {
	case err == nil:
	case ctx.Err() == nil && work.Err() != nil:
		c.Log.InfoContext(ctx, "the books of a cancelled run are not closed yet, will be gone on with", "run", run)
		return nil
	default:
		c.Log.ErrorContext(ctx, "cancelled run not ended", "run", run, "fault", fault.KindOf(err), "err", err)
	}
	return err
}

// begun reports whether a run has its first record. One that is about to begin,
// or was left before it did, has none; in time it is looked at no more.
func (c *Control) begun(ctx context.Context, name string, now time.Time) (bool, error) {
	run := c.Ledger.Run(name)
	if _, err := run.ReadStarted(ctx); !ledger.Missing(err) {
		return true, err
	}
	if at, err := begunAt(name); err == nil && now.Sub(at) < neverBegun {
		return false, nil
	}
	return false, run.Steering().MarkOver(ctx)
}

// begunAt is when a run of that name began; of one of events, its day.
func begunAt(run string) (time.Time, error) {
	if day, ok := eventnames.Day(run); ok {
		return day, nil
	}
	when := run[strings.LastIndexByte(run, '/')+1:] // of a verification, its own
	at, err := time.Parse(ledger.RunTime, when)
	if err != nil {
		return at, fault.New(fault.Invalid, "control.begunAt", run, err)
	}
	return at, nil
}

// sweepDay sends the report of a run of events whose day is over, and again the tasks
// of it that a record names and that have none of their own. No record names an event
// whose message was lost: the job's next run finds what it missed.
func (c *Control) sweepDay(ctx context.Context, run *ledger.Run, every time.Duration, now time.Time) error {
	tasks, _, err := c.Pipeline.Lost(ctx, run.Name)
	if err != nil || len(tasks) == 0 {
		return err
	}
	due, _ := events.Due(run.Name)
	return openTasks{control: c, run: run, tasks: tasks, due: !now.Before(due), every: every, now: now}.resend(ctx)
}

// slot names the stretch of time in which a run's tasks are sent again once.
func slot(every time.Duration, now time.Time) string {
	return fmt.Sprintf("sweep-%d", now.UnixNano()/int64(every))
}

// sweep sends again what is lost of a run that goes on, since then where it was
// paused, and notes whether it has stalled.
func (c *Control) sweep(ctx context.Context, run *ledger.Run, since time.Time, every time.Duration, now time.Time, stalls *sync.WaitGroup) error {
	tasks, newest, err := c.Pipeline.Lost(ctx, run.Name)
	c.Log.DebugContext(ctx, "run looked at for lost tasks", "run", run.Name, "open", len(tasks), "newest", newest, "now", now, "err", err)
	if err != nil || len(tasks) == 0 {
		return err
	}
	if since.After(newest) { // the run was paused and has been resumed
		newest = since
	}
	o := openTasks{control: c, run: run, tasks: tasks, idle: now.Sub(newest), every: every, now: now}
	if err := o.resend(ctx); err != nil {
		return err
	}
	return c.stalled(ctx, run, newest, now, stalls)
}

// stalled notes, once for each time, that a run makes no progress: its newest
// record, as the store dates it, is older than StallAfter.
func (c *Control) stalled(ctx context.Context, run *ledger.Run, newest, now time.Time, stalls *sync.WaitGroup) error {
	if now.Sub(newest) < StallAfter {
		return nil
	}
	unwalked, err := progress.NewestUnwalked(ctx, run) // a big object may be all that is left
	if err != nil || now.Sub(unwalked) < StallAfter {
		return err
	}
	first, err := progress.CreateStalled(ctx, run, newest, now)
	if err == nil && first {
		c.Log.ErrorContext(ctx, "run stalled: nothing was written down for a while", "run", run.Name, "since", newest.UTC(), "next", "ferry status "+run.Name)
		stalls.Go(func() { c.Stalled(ctx, run.Name, newest) })
	}
	return err
}
