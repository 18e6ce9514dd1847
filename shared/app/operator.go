package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// Operator does with runs what takes a ledger and their buckets, and no queue:
// it pauses, cancels, seals and cleans, whoever is at work on them. Every
// method may be called again after it was interrupted, and goes on.
type Operator struct {
	Ledger   *ledger.Ledger
	pipeline *pipeline.Pipeline
	// Now is a clock, and Wait waits for a time by it, or until ctx ends.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

// Operate returns the operator of a ledger.
func (c Config) Operate(l *ledger.Ledger, log *slog.Logger) *Operator {
	o := &Operator{Ledger: l, Now: time.Now, Wait: wait}
	o.pipeline = pipeline.New(pipeline.Config{
		Ledger: l, Log: log,
		Open: func(_ context.Context, j job.Job) (pipeline.Source, pipeline.Target, error) {
			s, err := c.Connect(j)
			return s.Source, s.Target, err
		},
	})
	return o
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goes returns how a run stands, and refuses with Invalid one that nothing
// lets go on any more.
func goes(ctx context.Context, run *ledger.Run) (ledger.Standing, error) {
	s, _, err := run.Standing(ctx)
	switch {
	case err != nil:
		return s, err
	case s == ledger.Over:
		return s, fault.New(fault.Invalid, "app.goes", run.Name, fmt.Errorf("run %s is over: ferry report %s tells what it came to", run.Name, run.Name))
	case s == ledger.Sealed:
		return s, fault.New(fault.Invalid, "app.goes", run.Name, fmt.Errorf("run %s ended with its job, which ferry seal ended for good: what must still be moved takes a job of another name", run.Name))
	case s == ledger.Cancelled:
		return s, fault.New(fault.Invalid, "app.goes", run.Name, fmt.Errorf("run %s was cancelled: a new one, by ferry start or ferry copy, finds what is left to do", run.Name))
	}
	return s, nil
}

// Pause has the tasks of a run dropped until it is resumed. Those at work end
// within pipeline.Notice. A run that is paused stays so; one that is over, or
// was cancelled, is Invalid.
func (o *Operator) Pause(ctx context.Context, run *ledger.Run) error {
	s, err := goes(ctx, run)
	if err != nil || s == ledger.Paused {
		return err
	}
	return run.Steer(ctx, ledger.Paused, o.Now())
}

// Resume lets a run go on that one process does: that process is to be started
// again. One that is not paused stays as it is. Of a deployment's run,
// Deployment.Resume sends the open tasks, too.
func (o *Operator) Resume(ctx context.Context, run *ledger.Run) error {
	s, err := goes(ctx, run)
	if err != nil || s == ledger.Going {
		return err
	}
	return run.Steer(ctx, ledger.Going, o.Now())
}

// Resume lets a paused run go on and sends what is open of it; it returns how
// many tasks that were, 0 where it was not paused.
func (d *Deployment) Resume(ctx context.Context, name string, now time.Time) (int, error) {
	run := d.ledger.Run(name)
	s, err := goes(ctx, run)
	if err != nil || s == ledger.Going {
		return 0, err
	}
	// Twice, so that whoever is interrupted in between can resume once more.
	if err := run.Steer(ctx, ledger.Resuming, now); err != nil {
		return 0, err
	}
	open, err := d.pipeline.Resume(ctx, name)
	if err != nil {
		return 0, err
	}
	if err := d.Worker("").Submit(ctx, open...); err != nil {
		return 0, err
	}
	return len(open), run.Steer(ctx, ledger.Going, now)
}

// Cancel ends a run for good: its tasks are dropped, and once grace has passed,
// by when everybody at work should have noticed, its open uploads are aborted
// and its report is written. It returns the report, also of a run that was over.
func (o *Operator) Cancel(ctx context.Context, run *ledger.Run, grace time.Duration) (pipeline.Report, error) {
	for {
		s, since, err := run.Standing(ctx)
		switch {
		case err != nil:
			return pipeline.Report{}, err
		case s == ledger.Over:
			return pipeline.ReadReport(ctx, run)
		case !s.Final(): // also where somebody paused it at the same time
			since = o.Now()
			if err := run.Steer(ctx, ledger.Cancelled, since); err != nil {
				return pipeline.Report{}, err
			}
		}
		if err := o.grant(ctx, run, since.Add(grace)); err != nil {
			return pipeline.Report{}, err
		}
		if s, _, err = run.Standing(ctx); err != nil {
			return pipeline.Report{}, err
		}
		if s.Final() {
			return o.pipeline.End(ctx, run.Name)
		}
	}
}

// look is how often it is looked whether a run has ended by itself.
const look = 2 * time.Second

// grant waits until then, or until the run is over.
func (o *Operator) grant(ctx context.Context, run *ledger.Run, until time.Time) error {
	for {
		left := until.Sub(o.Now())
		if left <= 0 {
			return nil
		}
		if err := o.Wait(ctx, min(left, look)); err != nil {
			return err
		}
		if over, err := run.Over(ctx); err != nil || over {
			return err
		}
	}
}

// Seal ends a job for good, and with it those of its runs that are not over.
// It returns since when it is sealed, and their reports.
func (o *Operator) Seal(ctx context.Context, name string, grace time.Duration) (time.Time, []pipeline.Report, error) {
	since, err := o.Ledger.Seal(ctx, name, o.Now())
	if err != nil {
		return since, nil, err
	}
	runs, err := o.Ledger.Runs(ctx, name)
	if err != nil {
		return since, nil, err
	}
	var ended []pipeline.Report
	for _, r := range runs {
		run := o.Ledger.Run(r)
		open, _, err := unfinished(ctx, run)
		if err != nil {
			return since, ended, err
		}
		if !open {
			continue
		}
		rep, err := o.Cancel(ctx, run, grace)
		if err != nil {
			return since, ended, err
		}
		ended = append(ended, rep)
	}
	return since, ended, nil
}

// Clean removes what a run that is over has left behind; see pipeline.Clean.
func (o *Operator) Clean(ctx context.Context, run string, force bool) (pipeline.Cleaned, error) {
	return o.pipeline.Clean(ctx, run, force)
}
