package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

const (
	// sweepAge bounds how old a run is that is still swept: no queue keeps a
	// message for longer (MNS, "Limits": 7 days; SQS keeps one for as long as
	// infra/aws says, 7 days).
	sweepAge = 8 * 24 * time.Hour
	// sweepEvery is how often at most a run's tasks are sent again.
	sweepEvery = 30 * time.Minute
	// stallAfter is how long a run makes no progress before it counts as stalled:
	// longer than any task may take.
	stallAfter = 15 * time.Minute
)

// Sweep looks at every run that is not over and sends again what no record
// answers for, at most once in every for each run. A queue delivers late, and
// it may lose: backlog is not loss, so nothing is sent while the queues hold
// about as much as the run waits for. It closes the books of a run that was
// cancelled and whose canceller went away, and notes which runs have stalled.
func (d *Deployment) Sweep(ctx context.Context, every time.Duration, now time.Time) error {
	runs, err := d.ledger.Open(ctx, now.Add(-sweepAge))
	if err != nil {
		return err
	}
	var errs []error
	for _, run := range runs {
		if err := d.sweep(ctx, run, every, now); err != nil {
			d.log.ErrorContext(ctx, "run not swept", "run", run, "fault", fault.KindOf(err), "err", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, d.sweepEvents(ctx, every, now))...)
}

// sweepEvents has the runs of events reported whose day is over, and sends again
// what of them was handed on and has no record. An event whose message was lost
// is known to nobody: the job's next run finds what it missed.
func (d *Deployment) sweepEvents(ctx context.Context, every time.Duration, now time.Time) error {
	runs, err := d.ledger.OpenEvents(ctx, now.Add(-sweepAge))
	if err != nil {
		return err
	}
	var errs []error
	for _, run := range runs {
		if err := d.sweepDay(ctx, run, every, now); err != nil {
			d.log.ErrorContext(ctx, "run of events not swept", "run", run, "fault", fault.KindOf(err), "err", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (d *Deployment) sweepDay(ctx context.Context, name string, every time.Duration, now time.Time) error {
	standing, since, err := d.ledger.Run(name).Standing(ctx)
	switch {
	case err != nil || standing == ledger.Paused || standing == ledger.Over:
		return err
	case standing.Final():
		if now.Sub(since) > pipeline.Notice {
			_, err = d.pipeline.End(ctx, name)
		}
		return err
	}
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

func (d *Deployment) sweep(ctx context.Context, name string, every time.Duration, now time.Time) error {
	run := d.ledger.Run(name)
	standing, since, err := run.Standing(ctx)
	switch {
	case err != nil || standing == ledger.Paused || standing == ledger.Over:
		return err
	case standing.Final(): // whoever ended it did not see it through, or is at it
		if now.Sub(since) > pipeline.Notice {
			_, err = d.pipeline.End(ctx, name)
		}
		return err
	}
	lost, newest, err := d.pipeline.Lost(ctx, name)
	if err != nil || len(lost) == 0 {
		return err
	}
	if err := d.resend(ctx, name, lost, every, now); err != nil {
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
