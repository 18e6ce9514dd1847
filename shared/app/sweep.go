package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
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

// Sweep looks at every run that is not over, however old it is, and sends again
// what no record answers for, at most once in every for each run. A queue
// delivers late, and it may lose: backlog is not loss, so nothing is sent while
// the queues hold about as much as the run waits for. It closes the books of a
// run that was cancelled and whose canceller went away, and notes which runs
// have stalled. The runs are looked at in no order, so that one that takes all
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
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var ending []string
	for _, run := range all {
		final, err := d.sweepRun(ctx, run, every, now)
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
func (d *Deployment) sweepRun(ctx context.Context, name string, every time.Duration, now time.Time) (final bool, err error) {
	run := d.ledger.Run(name)
	standing, since, err := run.Standing(ctx)
	switch {
	case err != nil || standing == ledger.Paused || standing == ledger.Over:
	case standing.Final():
		final = now.Sub(since) > pipeline.Notice
		return final, nil // else whoever ended it may be at it
	case ledger.OfEvents(name):
		err = d.sweepDay(ctx, name, every, now)
	default:
		err = d.sweep(ctx, run, since, every, now)
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
	_, when, _ := strings.Cut(name, "/")
	at, err := time.Parse(ledger.RunTime, when)
	if day, ok := ledger.EventDay(name); ok {
		at, err = day, nil
	}
	if err == nil && now.Sub(at) < neverBegun {
		return false, nil
	}
	return false, run.MarkOver(ctx)
}

// sweepDay has a run of events reported whose day is over, and sends again
// what of it was handed on and has no record. An event whose message was lost
// is known to nobody: the job's next run finds what it missed.
func (d *Deployment) sweepDay(ctx context.Context, name string, every time.Duration, now time.Time) error {
	lost, _, err := d.pipeline.Lost(ctx, name)
	if err != nil || len(lost) == 0 {
		return err
	}
	if due, _ := pipeline.Due(name); now.Before(due) {
		return d.resend(ctx, name, lost, every, now)
	}
	// Its day is over, and the queues are never empty where events keep coming.
	if won, err := d.ledger.Claim(ctx, name, slot(every, now)); err != nil || !won {
		return err
	}
	return d.Worker("").Submit(ctx, lost...)
}

// slot names the stretch of time in which a run's tasks are sent again once.
func slot(every time.Duration, now time.Time) string {
	return fmt.Sprintf("sweep-%d", now.UnixNano()/int64(every))
}

// sweep sends again what is lost of a run that goes on, since then where it was
// paused, and notes whether it has stalled.
func (d *Deployment) sweep(ctx context.Context, run *ledger.Run, since time.Time, every time.Duration, now time.Time) error {
	lost, newest, err := d.pipeline.Lost(ctx, run.Name)
	if err != nil || len(lost) == 0 {
		return err
	}
	if err := d.resend(ctx, run.Name, lost, every, now); err != nil {
		return err
	}
	if since.After(newest) { // it was paused and has been resumed
		newest = since
	}
	return d.stalled(ctx, run, newest, now)
}

// resend sends lost tasks again, unless the queues hold about as many.
func (d *Deployment) resend(ctx context.Context, run string, lost []task.Task, every time.Duration, now time.Time) error {
	held, err := d.held(ctx)
	if err != nil || held > len(lost)/10 {
		return err
	}
	if won, err := d.ledger.Claim(ctx, run, slot(every, now)); err != nil || !won {
		return err
	}
	d.log.WarnContext(ctx, "tasks sent again: the queues are nearly empty, and no record answers for these", "run", run, "tasks", len(lost), "first", lost[0].Kind)
	return d.Worker("").Submit(ctx, lost...)
}

// stalled notes, once for each time, that a run makes no progress: its newest
// record, as the store dates it, is older than stallAfter.
func (d *Deployment) stalled(ctx context.Context, run *ledger.Run, newest, now time.Time) error {
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
		d.Stalled(ctx, run.Name, newest)
	}
	return err
}

// held counts the messages that are ready or at work. Those that wait are left
// out: most of them wait for what is lost.
func (d *Deployment) held(ctx context.Context) (n int, err error) {
	for _, s := range task.Stages {
		depth, err := d.queues[s].Depth(ctx)
		if err != nil {
			return 0, err
		}
		n += depth.Ready + depth.InFlight
	}
	return n, nil
}
