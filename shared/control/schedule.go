package control

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// Tick begins the run that a timer is due for and returns its name, "" where it
// begins none. The run is named by the timer's time, so two deliveries of one
// tick are one run. Where an earlier run is not over and the job does not allow
// runs to overlap, that is kept as a kept.Skip. A job that is not kept is NotFound; one that
// was ended for good, or that writes where another does, Invalid, and so is a time
// that is still to come.
func (c *Control) Tick(ctx context.Context, name string, at, now time.Time) (string, error) {
	if at.Sub(now) > index.Ahead {
		return "", fault.New(fault.Invalid, "control.Tick", name, fmt.Errorf("the timer's time is %s, and it is %s: no run is begun by a time that is still to come; if that was a test event, give it the present time, else look at the clocks", at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	j, k, err := KeptJob(ctx, c.Ledger, name)
	if err != nil {
		return "", err
	}
	var run string
	var first []task.Task
	err = Exclusively(ctx, c.Ledger, []job.Job{j}, now, func(ctx context.Context) error {
		run, first, err = c.tick(ctx, j, k, at, now)
		return err
	})
	if err != nil || len(first) == 0 {
		return run, err
	}
	c.Log.InfoContext(ctx, "run begun by a timer", "run", run)
	if err := c.Submit(ctx, first...); err != nil {
		return run, err
	}
	return run, sent.Of(c.Ledger).Mark(ctx, run, tickMark)
}

// tick begins the run that is named by at and returns its name and its first tasks,
// none where they have been sent or none is begun.
func (c *Control) tick(ctx context.Context, j job.Job, k kept.Job, at, now time.Time) (string, []task.Task, error) {
	if err := c.mayStart(ctx, j, now); err != nil {
		return "", nil, err
	}
	run := pipeline.RunName(j, at)
	last, err := index.Newest(ctx, c.Ledger, j.Name, now)
	if err != nil {
		return "", nil, err
	}
	switch why, in, err := c.passes(ctx, j, run, last, now); {
	case err != nil:
		return "", nil, err
	case why != "":
		c.Log.InfoContext(ctx, "run skipped", "run", run, "why", why)
		return "", nil, kept.CreateSkip(ctx, c.Ledger.Folder(), kept.Skip{Job: j.Name, At: at, Run: in, Why: why})
	}
	if over, err := c.Ledger.Run(run).Over(ctx); err != nil || over {
		return run, nil, err // an earlier delivery's, and done
	}
	keys, err := kept.ReadJobKeys(ctx, c.Ledger.Folder(), k)
	if err != nil {
		return "", nil, err
	}
	if err := RequireKeys(j, keys); err != nil {
		return "", nil, err
	}
	// A second delivery sends the first tasks again only where the first one may
	// have died before it had sent them: else all of the run would be done twice.
	if done, err := sent.Of(c.Ledger).Marked(ctx, run, tickMark); err != nil || done {
		return run, nil, err
	}
	first, err := c.Pipeline.Start(ctx, j, run, keys...)
	return run, first, err
}

// tickMark marks that the first tasks of a timer's run have been sent.
const tickMark = "tick"

// passes says why a tick begins no run where last is the job's newest, and which
// run is in its way; "" where it begins one.
func (c *Control) passes(ctx context.Context, j job.Job, run, last string, now time.Time) (why, in string, err error) {
	if last > run && !index.IsAhead(last, now) {
		if _, err := c.Ledger.Run(run).ReadStarted(ctx); !ledger.Missing(err) {
			return "", "", err // its own run is there already
		}
		return fmt.Sprintf("a later run, %s, has begun", last), last, nil
	}
	if last == run || j.Overlap == job.AllowOverlap {
		return "", "", nil
	}
	open, s, err := c.stillOpen(ctx, j.Name, last, now)
	if err != nil || open == "" {
		return "", "", err
	}
	return fmt.Sprintf("run %s is not over (%s)", open, s), open, nil
}
