package pipeline

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// ours leaves of rows those that are the job's copies, by what is kept with an
// object, and counts the copies that are not known to be: of another job, or of
// an earlier version of Ferry. One HEAD each, side by side.
func (r *run) ours(ctx context.Context, rows []ledger.Row) (mine []ledger.Row, others ledger.Tally, err error) {
	found := make([]store.Object, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, row := range rows {
		g.Go(func() error {
			kept, err := store.Retry(ctx, store.Pauses(), "pipeline.ours", row.Key(), func() (store.Object, error) { return r.dst.Stat(ctx, row.Key()) })
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			found[i] = kept
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, others, err
	}
	for i, row := range rows {
		switch kept := found[i]; {
		case kept.Origin == nil || kept.Hash != row.Dst.ETag:
		case r.rules.Wrote(kept):
			mine = append(mine, row)
		default:
			others.Add(1, kept.Size)
		}
	}
	return mine, others, nil
}

// gate waits until every shard is verified, then decides once for the whole
// run whether what the source no longer has is deleted from the target.
func (r *run) gate(ctx context.Context, t task.Task) ([]task.Task, error) {
	if g, err := r.decided(ctx); !ledger.Missing(err) {
		if err != nil {
			return nil, err
		}
		return r.afterGate(ctx, g)
	}
	if next, err := r.waiting(ctx, t); err != nil || len(next) > 0 {
		return next, err
	}
	p, err := r.ledger.Glance(ctx)
	switch {
	case err != nil || p.Reported:
		return nil, err
	case !p.Done():
		return r.lookAgain(t, awaitListing), nil
	}
	g := r.decide(p)
	g.At = r.config.Now().UTC()
	if g, err = r.ledger.Decide(ctx, g); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "deletions decided", "allowed", g.Allowed, "candidates", g.Candidates.Objects, "reason", g.Reason)
	return r.afterGate(ctx, g)
}

// decided reads the run's decision on deletions. One that cannot be read allows
// none: it would be in the way of the run's end for ever.
func (r *run) decided(ctx context.Context) (ledger.Gate, error) {
	g, err := r.ledger.Decided(ctx)
	if fault.KindOf(err) == fault.Corrupt {
		return ledger.Gate{Reason: "the decision on deletions cannot be read: " + err.Error()}, nil
	}
	return g, err
}

// decide refuses as a whole what looks like a mistake: it is cheaper to run
// again than to get back what was deleted.
func (r *run) decide(p ledger.Progress) ledger.Gate {
	var g ledger.Gate
	var e verdict.Extent
	unknown := 0
	for _, s := range p.Shards {
		if s.Closed.Failed != "" || s.Proved.Failed != "" {
			unknown++
		}
		e.Seen += s.Closed.Counts.Listed.Objects + s.Closed.Counts.Excluded.Objects
		e.Held += s.Closed.Held
		g.Candidates.Add(s.Candidates.Objects, s.Candidates.Bytes)
		g.Others.Add(s.Closed.Others.Objects, s.Closed.Others.Bytes)
	}
	e.Candidates, e.Others = g.Candidates.Objects, g.Others.Objects
	g.Reason = verdict.RefuseDeletes(r.job, e)
	if g.Candidates.Objects > 0 && unknown > 0 {
		g.Reason = fmt.Sprintf("%d stretches of the source could not be listed or verified, so what it no longer has is not known for sure; run again", unknown)
	}
	g.Allowed = g.Reason == ""
	return g
}

// afterGate returns a task for each batch that may be deleted: maxDeletes
// bounds how many there are.
func (r *run) afterGate(ctx context.Context, g ledger.Gate) ([]task.Task, error) {
	if !g.Allowed || g.Candidates.Objects == 0 {
		return nil, nil
	}
	p, err := r.ledger.Walk(ctx)
	return r.deletes(p, g), err
}

// deletes returns a task for each batch of candidates that is not written off.
func (r *run) deletes(p ledger.Progress, g ledger.Gate) []task.Task {
	var next []task.Task
	if !g.Allowed {
		return nil
	}
	for _, s := range p.Shards {
		for _, b := range s.Extra {
			t := r.copyTask(s.Ref.Shard, b)
			t.Kind = task.Delete
			next = append(next, t)
		}
	}
	return next
}

// mirror returns the open tasks of the deletions of a run, none where they are
// not mirrored.
func (r *run) mirror(ctx context.Context, p ledger.Progress) ([]task.Task, error) {
	if !r.job.Delete {
		return nil, nil
	}
	g, err := r.decided(ctx)
	if ledger.Missing(err) {
		return []task.Task{{Kind: task.Gate, Run: r.ledger.Name}}, nil
	}
	return r.deletes(p, g), err
}

// delete removes a batch of candidates from the target, each only if the source
// still does not have it and the target's object is still the copy that was
// looked at.
func (r *run) delete(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	g, err := r.decided(ctx)
	switch {
	case err != nil:
		return nil, err
	case !g.Allowed:
		return nil, nil
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	work, done := r.share.State.UntilHalted(ctx)
	defer done()
	was := slices.Clone(rows)
	seen := r.tracker(t, min(outage.InARow, len(rows)))
	group, gctx := errgroup.WithContext(work)
	group.SetLimit(min(lookups, r.job.Limits.Parallel))
	for i := range rows {
		if rows[i].State != ledger.Pending || i > 0 && deadline.Near(ctx, 0) || work.Err() != nil || seen.Blocked() {
			continue
		}
		group.Go(func() error {
			rows[i] = r.deleteOne(gctx, seen, rows[i])
			return nil
		})
	}
	_ = group.Wait() // it never fails: trouble stays in the rows
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	pause := r.delay(mostTries(rows))
	if seen.Blocked() { // what was not served before that was known has waited, too
		pause = r.delay(awaited(was, rows))
	}
	switch out := seen.Still(); {
	case anyEnded(rows):
	case r.stopped(ctx, work):
		return r.wait(t), nil
	case out != nil:
		return r.await(t, out), nil
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w.Since = seen.Since()
	if w, err = r.end(ctx, t, w, pause); err != nil {
		return nil, err
	}
	return r.afterCopy(t, w), nil
}

// awaited has the rows that a side did not serve be as they were, and wait; it
// returns how often the one has that waited most often, before this time.
func awaited(was, rows []ledger.Row) (waits int) {
	for i := range rows {
		if rows[i].State == ledger.Pending || rows[i].State == ledger.Failed {
			waits = max(waits, was[i].Waits)
			rows[i].State, rows[i].Tries, rows[i].Waits = was[i].State, was[i].Tries, was[i].Waits+1
		}
	}
	return waits
}

// mostTries is how often the most tried of rows was tried.
func mostTries(rows []ledger.Row) (n int) {
	for _, row := range rows {
		n = max(n, row.Tries)
	}
	return n
}

func (r *run) deleteOne(ctx context.Context, seen *outage.Tracker, row ledger.Row) ledger.Row {
	on, state, why, err := r.removeCopy(ctx, row)
	waits := false
	switch {
	case err == nil:
		seen.Served(outage.Source)
		seen.Served(outage.Target)
	case ctx.Err() == nil && on != outage.Neither && outage.Suspected(err):
		waits, err = seen.Unserved(ctx, on, row.Key(), err)
	}
	kind := fault.KindOf(err)
	row.At = r.config.Now().UTC()
	switch u, taken := verdict.IsUnwanted(err); {
	case err == nil:
		row.State = state
		row.Because("", why)
		if why == unlistedReason {
			row.Cause = ledger.Unlisted
		}
	case taken && u.Why != "":
		row.State = ledger.Skipped
		row.Because(ledger.TakenBack, u.Why+"; the target keeps its copy")
	case taken || waits || kind == fault.Throttled || ctx.Err() != nil: // waiting spends no try
		row.Explain(err)
	default:
		row.Tries++
		if row.Explain(err); kind == fault.Invalid || kind == fault.Denied || row.Tries >= r.job.Limits.Attempts {
			row.State = ledger.Failed
			r.log.ErrorContext(ctx, "object not deleted", "key", row.Key(), "fault", kind, "err", err)
		}
	}
	return row
}

// removeCopy looks at both sides once more and, if both are as they were, and it
// is still wanted, removes the target's object at once. An error is of the side
// that it returns.
func (r *run) removeCopy(ctx context.Context, row ledger.Row) (outage.Side, ledger.State, string, error) {
	if err := r.share.Request(ctx, "delete", row.Key()); err != nil {
		return outage.Neither, "", "", err
	}
	s, err := r.look(ctx, row.Key())
	switch {
	case err != nil:
		return s.failed, "", "", err
	case s.again && r.before(s.src):
		return outage.Neither, ledger.Skipped, unlistedReason, nil
	case s.again:
		return outage.Neither, ledger.Skipped, "the source has it again", nil
	case !s.there:
		return outage.Neither, ledger.Deleted, "it was gone when its turn came, by an earlier delivery of the task or by someone else", nil
	case !r.rules.Wrote(s.dst) || s.dst.Hash != row.Dst.ETag:
		return outage.Neither, ledger.Conflict, "someone else wrote it in the target meanwhile; it was left alone", nil
	}
	return outage.Target, ledger.Deleted, "", r.dispose(ctx, row.Key())
}
