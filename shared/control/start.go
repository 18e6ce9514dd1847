package control

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// Start begins a run of j and returns its name. keys are those that the job's
// KeyList names, as job.ReadKeys returns them; none where it has no list. It
// refuses with Invalid a job that was ended for good, one that writes where
// another job writes, and, unless j.Overlap allows it, one of which an earlier
// run is not over: two would copy the same objects. Of several that start it, or
// jobs that clash with it, at the same time one begins a run at most (Exclusively).
func (c *Control) Start(ctx context.Context, j job.Job, keys []string, now time.Time) (name string, err error) {
	if err := RequireKeys(j, keys); err != nil {
		return "", err
	}
	var first []task.Task
	err = Exclusively(ctx, c.Ledger, []job.Job{j}, now, func(ctx context.Context) error {
		if err := c.mayStart(ctx, j, now); err != nil {
			return err
		}
		if name, err = c.nextRun(ctx, j, now); err != nil {
			return err
		}
		first, err = c.Pipeline.Start(ctx, j, name, keys...)
		return err
	})
	if err != nil {
		return name, err
	}
	return name, c.Submit(ctx, first...)
}

// nextRun names the run of j that begins now. Where j does not allow its runs to
// overlap it refuses with Invalid to begin one beside another, and names that.
func (c *Control) nextRun(ctx context.Context, j job.Job, now time.Time) (string, error) {
	last, err := index.Newest(ctx, c.Ledger, j.Name, now)
	if err != nil {
		return "", err
	}
	if j.Overlap != job.AllowOverlap {
		switch open, standing, err := c.stillOpen(ctx, j.Name, last, now); {
		case err != nil:
			return "", err
		case open != "":
			return open, fault.New(fault.Invalid, "control.Start", j.Name, fmt.Errorf("run %s is not over (%s): ferry status %s tells how far it is", open, standing, open))
		}
	}
	name := pipeline.RunName(j, now)
	if last < name || index.IsAhead(last, now) {
		return name, nil
	}
	// The newest was begun within this second, or by a clock that is a little ahead.
	_, when, _ := strings.Cut(last, "/")
	at, err := time.Parse(ledger.RunTime, when)
	if err != nil {
		return "", fault.New(fault.Corrupt, "control.Start", last, err)
	}
	return pipeline.RunName(j, at.Add(time.Second)), nil
}

// stillOpen returns a run of the job that is not over, and how it stands: the
// newest, or one that a clock which was wrong named ahead of now; "" where there is none.
func (c *Control) stillOpen(ctx context.Context, name, newest string, now time.Time) (string, ledger.Standing, error) {
	ahead, err := index.NamedAhead(ctx, c.Ledger, name, now)
	if err != nil {
		return "", "", err
	}
	for _, run := range append(ahead, newest) {
		if run == "" {
			continue
		}
		if open, s, err := unfinished(ctx, c.Ledger.Run(run)); err != nil || open {
			return run, s, err
		}
	}
	return "", "", nil
}

// unfinished reports whether a run was started and is not over, and how it stands.
func unfinished(ctx context.Context, run *ledger.Run) (bool, ledger.Standing, error) {
	s, _, err := run.Steering().ReadStanding(ctx)
	if err != nil || s == ledger.Over {
		return false, s, err
	}
	_, err = run.ReadStarted(ctx)
	if ledger.Missing(err) { // the run left something, but never started
		return false, s, nil
	}
	return err == nil, s, err
}

// mayStart refuses a job that may write nothing.
func (c *Control) mayStart(ctx context.Context, j job.Job, now time.Time) error {
	if err := RequireUnsealed(ctx, c.Ledger, j.Name); err != nil {
		return err
	}
	return RefuseClash(ctx, c.Ledger, j, now, c.Log)
}

// RequireUnsealed refuses with Invalid a job that was ended for good.
func RequireUnsealed(ctx context.Context, l *ledger.Ledger, name string) error {
	since, sealed, err := l.ReadSeal(ctx, name)
	if err != nil || !sealed {
		return err
	}
	return fault.New(fault.Invalid, "control.Start", name, fmt.Errorf("the job %s was ended for good on %s (ferry seal): nothing is written for it any more; what must still be moved takes a job of another name", name, since.UTC().Format(time.DateTime)))
}

// RefuseClash refuses with Invalid a job that writes where another job writes that
// is kept or has a run under way.
func RefuseClash(ctx context.Context, l *ledger.Ledger, j job.Job, now time.Time, log *slog.Logger) error {
	others, err := Others(ctx, l, j.Name, now, log) // its own runs clash with no other of it
	if err != nil {
		return err
	}
	for _, o := range others {
		if err := o.Refuse(j); err != nil {
			return err
		}
	}
	return nil
}

// RequireKeys refuses with Invalid a job that names its keys in a file where keys
// are missing: the run would copy all of the source.
func RequireKeys(j job.Job, keys []string) error {
	if j.KeyList != "" && len(keys) == 0 {
		return fault.New(fault.Invalid, "control.Start", j.Name, fmt.Errorf("the keys that the job lists in %s are missing: read them with job.ReadKeys", j.KeyList))
	}
	return nil
}
