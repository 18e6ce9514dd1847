package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/removals"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/closing"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// awaitListing is the longest wait while all that is listed is verified and something is
// being listed: each look costs a read a shard.
const awaitListing = 5 * time.Minute

// decide waits until every shard is verified, then decides once for the whole
// run whether what the source no longer has is deleted from the target.
func (r *run) decide(ctx context.Context, t task.Task) ([]task.Task, error) {
	g, err := mirror.Decision(ctx, r.ledger)
	if ledger.Missing(err) {
		if next, err := r.next.AwaitVerified(ctx, t); err != nil || len(next) > 0 {
			return next, err
		}
		p, err := progress.Glance(ctx, r.ledger)
		switch {
		case err != nil || p.Reported:
			return nil, err
		case !p.Done():
			return r.follow.LookAgain(t, awaitListing), nil
		}
		g = mirror.Decide(r.job, p)
		g.At, g.By = r.config.Now().UTC(), ledger.Nonce()
		mine := g.By
		if g, err = r.ledger.CreateDeleteDecision(ctx, g); err != nil {
			return nil, err
		}
		if g.By != mine {
			return r.follow.LookAgain(t, follow.AwaitFew), nil
		}
		r.log.InfoContext(ctx, "deletions decided", "allowed", g.Allowed, "candidates", g.Candidates.Objects, "reason", g.Reason)
	} else if err != nil {
		return nil, err
	}
	var next []task.Task
	if g.Allowed && g.Candidates.Objects > 0 {
		p, err := progress.Walk(ctx, r.ledger)
		if err != nil {
			return nil, err
		}
		next = r.follow.AfterDecision(p, g)
	}
	if len(next) == 0 {
		next = r.next.End(ctx, task.Report, func(context.Context, *ledger.Run, string) (string, error) { return "", nil })
	}
	return next, nil
}

// delete removes a batch of candidates from the target, each only if the source
// still does not have it and the target's object is still the copy that was listed.
func (r *run) delete(ctx context.Context, t task.Task) ([]task.Task, error) {
	g, err := mirror.Decision(ctx, r.ledger)
	switch {
	case err != nil:
		return nil, err
	case !g.Allowed:
		return nil, nil
	}
	rows, err := r.ledger.Batches().ReadRows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	work, done := r.share.State.UntilHalted(ctx)
	defer done()
	sides := r.tracker(t, min(outage.InARow, len(rows)))
	tries := removerOf(r, sides).Delete(work, rows)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch out := sides.Still(); {
	case batching.AnyEnded(rows):
	case stopped(ctx, work, &r.share.State):
		return r.follow.Wait(t), nil
	case out != nil:
		return r.follow.Await(t, out), nil
	}
	return r.writeOff(ctx, t, rows, sides.Since(), r.follow.Waits.After(tries))
}

// remove takes from the target what copying found but has no right to remove:
// the copy of a key that an event found vanished, whose row is Gone, and bytes of
// the job's own that are damaged. Objects of these that are to be copied again go into
// a batch of their own.
func (r *run) remove(ctx context.Context, t task.Task) ([]task.Task, error) {
	rows, err := r.ledger.Batches().ReadRows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	// A removal that fails fails the task: done again, it finds what is removed already.
	tries, err := removerOf(r, nil).Remove(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	return r.writeOff(ctx, t, rows, 0, r.follow.Waits.After(tries/transfer.Tries))
}

// report waits until every shard is closed and verified, then writes the
// report. Its record ends the run.
func (r *run) report(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch {
	case r.start.Verifies != nil:
		return reportVerification(ctx, r, t)
	case r.start.Events:
		return reportDay(ctx, r, t)
	}
	if next, err := r.next.AwaitVerified(ctx, t); err != nil || len(next) > 0 {
		return next, err
	}
	var g ledger.DeleteDecision
	if r.job.Delete {
		var err error
		if g, err = mirror.Decision(ctx, r.ledger); ledger.Missing(err) {
			return r.follow.LookAgain(t, follow.AwaitFew), nil
		} else if err != nil {
			return nil, err
		}
	}
	if !r.reporting.TryLock() { // the files of two would mix where the process ends with the run
		return r.follow.LookAgain(t, follow.AwaitFew), nil
	}
	defer r.reporting.Unlock()
	p, err := progress.Glance(ctx, r.ledger)
	switch {
	case err != nil:
		return nil, err
	case p.Reported:
		return nil, nil
	case !p.Done():
		return r.follow.LookAgain(t, awaitListing), nil
	case r.job.Delete && len(r.follow.AfterDecision(p, g)) > 0: // each look costs a read a shard
		return r.follow.LookAgain(t, max(follow.AwaitFew, r.config.Now().Sub(g.At)/2)), nil
	}
	rep, manifest, err := r.books.Verified(ctx, p, g)
	if err != nil {
		return nil, err
	}
	named := int64(0)
	for _, s := range r.start.Keys {
		named += int64(s.Count)
	}
	rep.Doubt(r.job, named, func() []string { return listing.Beside(ctx, r.src, r.job.Source.Prefix, report.Beside) })
	return nil, r.books.Publish(ctx, rep, manifest)
}

// reportDay adds up a day of events and then writes the report. While something of the
// day goes on it yields nothing: whoever sweeps asks again.
func reportDay(ctx context.Context, r *run, t task.Task) ([]task.Task, error) {
	if due, _ := events.Due(r.ledger.Name); r.config.Now().Before(due) {
		return nil, nil
	}
	if open, over, err := r.next.OpenEvents(ctx); err != nil || over || len(open) > 0 {
		return nil, err
	}
	rep, manifest, left, err := r.books.Day(ctx)
	if err != nil {
		return nil, err
	}
	if left != closing.Nothing {
		next := r.follow.Wait(t)
		if left == closing.Some { // the rest may follow at once
			next[0].Delay = 0
		}
		return next, nil
	}
	return nil, r.books.Publish(ctx, rep, manifest)
}

// reportVerification waits until every piece is looked at, then writes the report of a
// verification. Its record ends it.
func reportVerification(ctx context.Context, r *run, t task.Task) ([]task.Task, error) {
	w, err := progress.WalkReproof(ctx, r.ledger)
	switch {
	case err != nil:
		return nil, err
	case len(w.Open) > 0:
		return r.follow.LookAgainFor(len(w.Open), t), nil
	}
	return nil, reproof.Fold(r.ledger.Name, r.job, w, r.config.Now().UTC()).Create(ctx, r.ledger.Results())
}

// removerOf returns what removes objects for a task; sides may be nil for Remove.
func removerOf(r *run, sides *outage.Tracker) *mirror.Remover {
	return &mirror.Remover{
		Source: r.src, Target: r.dst, Rules: &r.rules, Began: r.start.At, Share: r.share, Sides: sides,
		Writable: r.permit.Writable, Removable: r.permit.Removable, Last: lastOf(r), Reserve: removals.Of(r.ledger).Reserve, Now: r.config.Now, Log: r.log,
	}
}

// lastOf returns what tells what the runs that are over left of one key: for what is asked
// seldom.
func lastOf(r *run) func(ctx context.Context, key string) (*memory.Row, error) {
	return func(ctx context.Context, key string) (*memory.Row, error) {
		return memory.Latest(ctx, r.config.Ledger, r.job, r.ledger.Name, key, r.memory.Warn)
	}
}
