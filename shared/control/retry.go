package control

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// Retry is what of a run that is over another run may bring further.
type Retry struct {
	Job       job.Job  // of the run, for Keys alone; it removes nothing
	Keys      []string // what failed, differs in the target, or was open; none: nothing is to be retried
	Stretches int64    // of the source that were not listed or verified to the end, which takes a run of the whole job
	Deployed  bool     // the run was done by a deployment's processes
}

// RetryOf reads what of run is to be retried. A run that is not over is Invalid.
func RetryOf(ctx context.Context, run *ledger.Run) (Retry, error) {
	var r Retry
	rep, err := report.Read(ctx, run)
	if ledger.Missing(err) {
		return r, fault.New(fault.Invalid, "control.RetryOf", run.Name, fmt.Errorf("run %s is not over: wait for its end, or end it by ferry cancel %s", run.Name, run.Name))
	}
	if err != nil {
		return r, err
	}
	r.Stretches = rep.Stretches()
	if r.Keys, err = report.Retriable(ctx, run); err != nil {
		return r, err
	}
	j, started, err := report.JobOf(ctx, run)
	r.Job, r.Deployed = j, started.Deployed
	r.Job.Delete, r.Job.KeyList = false, "what failed in run "+run.Name
	return r, err
}
