package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/closing"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// decideDeletes waits until every shard is verified, then decides once for the whole
// run whether what the source no longer has is deleted from the target.
func decideDeletes(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	decision, err := mirror.ReadDeleteDecision(ctx, r.Ledger)
	if ledger.Missing(err) {
		if next, err := r.Next.AwaitVerified(ctx, t); err != nil || len(next) > 0 {
			return next, err
		}
		p, listed, next, err := r.Next.AwaitListed(ctx, t)
		if !listed {
			return next, err
		}
		own := mirror.DecideDeletes(r.Job, p, r.Config.Now())
		if decision, err = r.Ledger.CreateDeleteDecision(ctx, own); err != nil {
			return nil, err
		}
		if decision.By != own.By {
			return r.Follow.LookAgain(t, follow.AwaitFew), nil
		}
		r.Log.InfoContext(ctx, "deletions decided", "allowed", decision.Allowed, "candidates", decision.Candidates.Objects, "reason", decision.Reason)
	} else if err != nil {
		return nil, err
	} else if mirror.IsBeingSent(decision, r.Config.Now()) {
		return r.Follow.LookAgain(t, follow.AwaitFew), nil
	}
	return r.Next.AfterDeleteDecision(ctx, decision)
}

// deleteBatch removes a batch of candidates from the target, each only if the source
// still does not have it and the target's object is still the copy that was listed.
func deleteBatch(ctx, work context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	if decision, err := mirror.ReadDeleteDecision(ctx, r.Ledger); err != nil || !decision.Allowed {
		return nil, err
	}
	rows, err := r.Ledger.Batches().ReadRows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	sides := r.Tracker(t, min(outage.InARow, len(rows)))
	tries := r.Remover(sides).Delete(work, rows)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !batching.AnyEnded(rows) {
		if next := r.Follow.CutShort(t, r.Share.State.Stops(ctx, work), sides.Still()); next != nil {
			return next, nil
		}
	}
	return writeOff(ctx, r, t, rows, sides.Since(), r.Follow.Waits.After(tries))
}

// removeBatch takes from the target what copying found but has no right to remove:
// the copy of a key that an event found vanished, whose row is Gone, and bytes of
// the job's own that are damaged. Objects of these that are to be copied again go into
// a batch of their own.
func removeBatch(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	rows, err := r.Ledger.Batches().ReadRows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	// A removal that fails fails the task: done again, it finds what is removed already.
	tries, err := r.Remover(nil).Remove(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	return writeOff(ctx, r, t, rows, 0, r.Follow.Waits.After(tries/transfer.Tries))
}

// writeReport waits until every shard is closed and verified, then writes the
// report. Its record ends the run.
func writeReport(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	switch {
	case r.Started.Verifies != nil:
		return reportVerification(ctx, r, t)
	case r.Started.Events:
		return reportDay(ctx, r, t)
	}
	if next, err := r.Next.AwaitVerified(ctx, t); err != nil || len(next) > 0 {
		return next, err
	}
	decision, next, err := r.Next.AwaitDeleteDecision(ctx, t)
	if err != nil || len(next) > 0 {
		return next, err
	}
	if !r.Reporting.TryLock() { // the files of two would mix where the process ends with the run
		return r.Follow.LookAgain(t, follow.AwaitFew), nil
	}
	defer r.Reporting.Unlock()
	p, listed, next, err := r.Next.AwaitListed(ctx, t)
	switch {
	case !listed:
		return next, err
	case r.Job.Delete && len(r.Follow.Deletes(p, decision)) > 0: // each look costs a read a shard
		return r.Follow.LookAgain(t, max(follow.AwaitFew, r.Config.Now().Sub(decision.At)/2)), nil
	}
	return nil, r.Books.Close(ctx, p, decision)
}

// reportDay adds up a day of events and then writes the report. While something of the
// day goes on it yields nothing: a sweep asks again.
func reportDay(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	if ended, err := r.Next.DayEnded(ctx); err != nil || !ended {
		return nil, err
	}
	left, err := r.Books.CloseDay(ctx)
	if err != nil || left == closing.Nothing {
		return nil, err
	}
	next := r.Follow.Wait(t)
	if left == closing.Some { // the rest may follow at once
		next[0].Delay = 0
	}
	return next, nil
}

// reportVerification waits until every piece is looked at, then writes the report of a
// verification. Its record ends it.
func reportVerification(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	w, err := progress.WalkReproof(ctx, r.Ledger)
	if err != nil {
		return nil, err
	}
	if len(w.Open) > 0 {
		return r.Follow.LookAgainFor(len(w.Open), t), nil
	}
	return nil, reproof.Fold(r.Ledger.Name, r.Job, w, r.Config.Now().UTC()).Create(ctx, r.Ledger.Results())
}
