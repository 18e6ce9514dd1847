package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/random"
)

const (
	// sweepEvery is how often at most a run's tasks are sent again.
	sweepEvery = 30 * time.Minute
	// stallAfter is how long a run makes no progress before it counts as stalled:
	// longer than any task may take.
	stallAfter = 15 * time.Minute
	// endFor is how long one sweep works at most on the books of one cancelled run,
	// and endMargin what it leaves of its own time.
	endFor    = 5 * time.Minute
	endMargin = 15 * time.Second
	// neverBegun is how old a run is that has a mark and no first record before it
	// is taken for one that will get none.
	neverBegun = 24 * time.Hour
)

// SweepNow is Sweep at the time that the ledger's own clock shows: how long a run has
// been silent, or a task, is told by what the ledger's store has dated.
func (d *Deployment) SweepNow(ctx context.Context, every time.Duration) error {
	now, err := d.ledger.Now(ctx)
	if err != nil {
		return err
	}
	return d.Sweep(ctx, every, now)
}

// Sweep looks at every run that is not over, however old it is, and sends again
// what is lost of it, at most once in every for each run: a queue delivers late,
// and it may lose; resend.go tells how loss is told from backlog. It closes the books of a
// run that was cancelled and whose canceller went away, and notes which runs
// have stalled. now is by the clock of the ledger's store. The runs are looked at in no order, so that one that takes all
// the time of an invocation keeps no other waiting for good.
func (d *Deployment) Sweep(ctx context.Context, every time.Duration, now time.Time) error {
	var errs []error
	if err := d.ledger.Recall(ctx); err != nil {
		errs = append(errs, err)
	}
	runs, err := d.ledger.Open(ctx, time.Time{})
	days, derr := d.ledger.OpenEvents(ctx, time.Time{})
	errs = append(errs, err, derr)
	all := append(runs, days...)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var ending []string
	var stalls sync.WaitGroup // what webhooks are told of runs that stand still, all at the same time
	defer stalls.Wait()
	for _, run := range all {
		final, err := d.sweepRun(ctx, run, every, now, &stalls)
		errs = append(errs, err)
		if final {
			ending = append(ending, run)
		}
	}
	for _, run := range ending { // last: it may take all the time there is
		errs = append(errs, d.end(ctx, run, now))
	}
	return errors.Join(errs...)
}

// sweepRun sweeps one run, be it of events or not. final reports that the books
// of the run are to be closed: whoever ended it did not see it through.
func (d *Deployment) sweepRun(ctx context.Context, name string, every time.Duration, now time.Time, stalls *sync.WaitGroup) (final bool, err error) {
	run := d.ledger.Run(name)
	standing, since, err := run.Standing(ctx)
	switch {
	case err != nil || standing == ledger.Paused || standing == ledger.Over:
	case standing.Final():
		final = now.Sub(since) > limit.Notice
		return final, nil // else whoever ended it may be at it
	case ledger.OfEvents(name):
		err = d.sweepDay(ctx, run, every, now)
	default:
		err = d.sweep(ctx, run, since, every, now, stalls)
	}
	if ledger.Missing(err) {
		if begun, berr := d.begun(ctx, name, now); !begun || berr != nil {
			return false, berr
		}
	}
	if err != nil {
		d.log.ErrorContext(ctx, "run not swept", "run", name, "fault", fault.KindOf(err), "err", err)
	}
	return false, err
}

// end closes the books of a cancelled run, or works on them as long as there is
// time: the next sweep goes on with them.
func (d *Deployment) end(ctx context.Context, run string, now time.Time) error {
	until := time.Now().Add(endFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-endMargin).Before(until) {
		until = deadline.Add(-endMargin)
	}
	work, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	_, err := d.pipeline.End(work, run)
	if ledger.Missing(err) {
		if begun, berr := d.begun(ctx, run, now); !begun || berr != nil {
			return berr
		}
	}
	switch {
	case err == nil:
	case ctx.Err() == nil && work.Err() != nil:
		d.log.InfoContext(ctx, "the books of a cancelled run are not closed yet, will be gone on with", "run", run)
		return nil
	default:
		d.log.ErrorContext(ctx, "cancelled run not ended", "run", run, "fault", fault.KindOf(err), "err", err)
	}
	return err
}

// begun reports whether a run has its first record. One that is about to begin,
// or was left before it did, has none; in time it is looked at no more.
func (d *Deployment) begun(ctx context.Context, name string, now time.Time) (bool, error) {
	run := d.ledger.Run(name)
	if _, err := run.Started(ctx); !ledger.Missing(err) {
		return true, err
	}
	if at, err := begunAt(name); err == nil && now.Sub(at) < neverBegun {
		return false, nil
	}
	return false, run.MarkOver(ctx)
}

// begunAt is when a run of that name began; of one of events, its day.
func begunAt(run string) (time.Time, error) {
	if day, ok := ledger.EventDay(run); ok {
		return day, nil
	}
	_, when, _ := strings.Cut(run, "/")
	at, err := time.Parse(ledger.RunTime, when)
	if err != nil {
		return at, fault.New(fault.Invalid, "app.begunAt", run, err)
	}
	return at, nil
}

// sweepDay has a run of events reported whose day is over, and sends again
// what of it was handed on and has no record. An event whose message was lost
// is known to nobody: the job's next run finds what it missed.
func (d *Deployment) sweepDay(ctx context.Context, run *ledger.Run, every time.Duration, now time.Time) error {
	tasks, _, err := d.pipeline.Lost(ctx, run.Name)
	if err != nil || len(tasks) == 0 {
		return err
	}
	due, _ := pipeline.Due(run.Name)
	return openTasks{deploy: d, run: run, tasks: tasks, due: !now.Before(due), every: every, now: now}.resend(ctx)
}

// slot names the stretch of time in which a run's tasks are sent again once.
func slot(every time.Duration, now time.Time) string {
	return fmt.Sprintf("sweep-%d", now.UnixNano()/int64(every))
}

// sweep sends again what is lost of a run that goes on, since then where it was
// paused, and notes whether it has stalled.
func (d *Deployment) sweep(ctx context.Context, run *ledger.Run, since time.Time, every time.Duration, now time.Time, stalls *sync.WaitGroup) error {
	tasks, newest, err := d.pipeline.Lost(ctx, run.Name)
	if err != nil || len(tasks) == 0 {
		return err
	}
	if since.After(newest) { // it was paused and has been resumed
		newest = since
	}
	o := openTasks{deploy: d, run: run, tasks: tasks, idle: now.Sub(newest), every: every, now: now}
	if err := o.resend(ctx); err != nil {
		return err
	}
	return d.stalled(ctx, run, newest, now, stalls)
}

// stalled notes, once for each time, that a run makes no progress: its newest
// record, as the store dates it, is older than stallAfter.
func (d *Deployment) stalled(ctx context.Context, run *ledger.Run, newest, now time.Time, stalls *sync.WaitGroup) error {
	if now.Sub(newest) < stallAfter {
		return nil
	}
	moved, err := run.Moved(ctx) // a big object may be all that is left
	if err != nil || now.Sub(moved) < stallAfter {
		return err
	}
	first, err := run.Stall(ctx, newest, now)
	if err == nil && first {
		d.log.ErrorContext(ctx, "run stalled: nothing was written down for a while", "run", run.Name, "since", newest.UTC(), "next", "ferry status "+run.Name)
		stalls.Go(func() { d.Stalled(ctx, run.Name, newest) })
	}
	return err
}
