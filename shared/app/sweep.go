package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/task"
)

const (
	// sweepAge bounds how old a run is that is still swept: no queue keeps a
	// message for longer (MNS, "Limits": 7 days; SQS keeps one for as long as
	// infra/aws says, 7 days).
	sweepAge = 8 * 24 * time.Hour
	// sweepEvery is how often at most a run's tasks are sent again.
	sweepEvery = 30 * time.Minute
)

// Sweep looks at every run that is not over and sends again what no record
// answers for, at most once in every for each run. A queue delivers late, and
// it may lose: backlog is not loss, so nothing is sent while the queues hold
// about as much as the run waits for.
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
	return errors.Join(errs...)
}

func (d *Deployment) sweep(ctx context.Context, run string, every time.Duration, now time.Time) error {
	held, err := d.held(ctx)
	if err != nil {
		return err
	}
	lost, err := d.pipeline.Lost(ctx, run)
	if err != nil || len(lost) == 0 || held > len(lost)/10 {
		return err
	}
	slot := fmt.Sprintf("sweep-%d", now.UnixNano()/int64(every))
	if won, err := d.ledger.Claim(ctx, run, slot); err != nil || !won {
		return err
	}
	d.log.WarnContext(ctx, "tasks sent again: the queues are nearly empty, and no record answers for these", "run", run, "tasks", len(lost), "first", lost[0].Kind)
	return d.Worker("").Submit(ctx, lost...)
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
