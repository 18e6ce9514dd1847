package giveup

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/report"
)

// Run closes the books of a run that was cancelled, or whose job was ended for good: its
// open uploads are aborted, and its report says what was done and what is open. It costs a
// read for each batch of a shard that is not verified. It may be cut off at any moment:
// what it has aborted and added up it notes, and the next call goes on there. What a process
// that has not noticed yet still does, the report has as open: so limit.Notice should have
// passed. A run that is over has its report already, which Run returns; one that goes on is
// Invalid.
func (e Ending) Run(ctx context.Context) (report.Report, error) {
	switch s, _, err := e.Ledger.Steering().ReadStanding(ctx); {
	case err != nil:
		return report.Report{}, err
	case s == ledger.Over:
		return report.Read(ctx, e.Ledger)
	case !s.Final():
		return report.Report{}, fault.New(fault.Invalid, "pipeline.End", e.Ledger.Name, fmt.Errorf("run %s was not cancelled: it is %s", e.Ledger.Name, s))
	}
	b := e.Books
	if b.Started.Verifies != nil {
		w, err := progress.WalkReproof(ctx, e.Ledger)
		if err != nil {
			return report.Report{}, err
		}
		err = reproof.Cancelled(e.Ledger.Name, b.Job, w, e.Now().UTC()).Create(ctx, e.Ledger.Results())
		return report.Report{Summary: report.Summary{Run: e.Ledger.Name, Result: report.Cancelled}}, err
	}
	if err := uploads.AbortAll(ctx, e.Ledger, e.Target); err != nil { // the run must end all the same; Clean tries again
		e.Log.WarnContext(ctx, "uploads not aborted", "fault", fault.KindOf(err), "err", err)
	}
	if !b.Started.Events {
		if err := shard.CloseAll(ctx, e.Closing); err != nil {
			return report.Report{}, err
		}
	}
	rep, err := b.CloseCancelled(ctx)
	if err != nil {
		return report.Report{}, err
	}
	e.Log.InfoContext(ctx, "run cancelled", "listed", rep.Objects.Listed, "open", rep.Objects.Open)
	return report.Read(ctx, e.Ledger) // another may have been faster
}
