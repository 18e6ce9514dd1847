package outage

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// OfLedger asks the ledger of a run whether it answers. Where it does not, for as long as
// limit says, the error is Later, and since when stands in it and is returned: then
// nothing can be decided or noted. n is what the process knows of outages of the ledger.
func OfLedger(ctx context.Context, run *ledger.Run, n *Notes, now func() time.Time, limit job.Span) (since time.Time, err error) {
	short, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if _, err = run.Over(short); err == nil || ctx.Err() != nil || !Suspected(err) {
		return since, nil
	}
	if since = n.Met(now()); now().Sub(since) > time.Duration(limit) {
		return since, nil
	}
	return since, fault.New(fault.Later, "pipeline.Do", run.Name, fault.Errorf("the ledger does not answer since %s, and is waited for up to %s: %w", Minute(since), limit, err))
}
