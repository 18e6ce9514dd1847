package pipeline

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// decide waits until every shard is verified, then decides once for the whole
// run whether what the source no longer has is deleted from the target.
func (r *run) decide(ctx context.Context, t task.Task) ([]task.Task, error) {
	if g, err := r.decided(ctx); !ledger.Missing(err) {
		if err != nil {
			return nil, err
		}
		return r.afterDecision(ctx, g)
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
	g := mirror.Decide(r.job, p)
	g.At = r.config.Now().UTC()
	if g, err = r.ledger.CreateDeleteDecision(ctx, g); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "deletions decided", "allowed", g.Allowed, "candidates", g.Candidates.Objects, "reason", g.Reason)
	return r.afterDecision(ctx, g)
}

// decided reads the run's decision on deletions. A record that cannot
// be read allows none: the run would never end otherwise.
func (r *run) decided(ctx context.Context) (ledger.DeleteDecision, error) {
	g, err := r.ledger.ReadDeleteDecision(ctx)
	if fault.KindOf(err) == fault.Corrupt {
		return ledger.DeleteDecision{Reason: "the decision on deletions cannot be read: " + err.Error()}, nil
	}
	return g, err
}

// afterDecision returns a task for each batch that may be deleted: maxDeletes
// bounds how many there are.
func (r *run) afterDecision(ctx context.Context, g ledger.DeleteDecision) ([]task.Task, error) {
	if !g.Allowed || g.Candidates.Objects == 0 {
		return nil, nil
	}
	p, err := r.ledger.Walk(ctx)
	return r.deletes(p, g), err
}

// deletes returns a task for each batch of candidates that is not written off.
func (r *run) deletes(p ledger.Progress, g ledger.DeleteDecision) []task.Task {
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

// openDeletes returns the open tasks of the deletions of a run, none where the job does
// not mirror them.
func (r *run) openDeletes(ctx context.Context, p ledger.Progress) ([]task.Task, error) {
	if !r.job.Delete {
		return nil, nil
	}
	g, err := r.decided(ctx)
	if ledger.Missing(err) {
		return []task.Task{{Kind: task.Decide, Run: r.ledger.Name}}, nil
	}
	return r.deletes(p, g), err
}

// delete removes a batch of candidates from the target, each only if the source
// still does not have it and the target's object is still the copy that was listed.
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
	sides := r.tracker(t, min(outage.InARow, len(rows)))
	tries := r.remover(sides).Delete(work, rows)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch out := sides.Still(); {
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
	w.Since = sides.Since()
	if w, err = r.end(ctx, t, w, r.delay(tries)); err != nil {
		return nil, err
	}
	return r.afterCopy(t, w), nil
}

// remove takes from the target what copying found but has no right to remove:
// the copy of a key that an event found vanished, whose row is Gone, and bytes of
// the job's own that are damaged. Objects of these that are to be copied again go into
// a batch of their own.
func (r *run) remove(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	// A removal that fails fails the task: done again, it finds what is removed already.
	tries, err := r.remover(nil).Remove(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	if w, err = r.end(ctx, t, w, r.delay(tries/transfer.Tries)); err != nil {
		return nil, err
	}
	return r.afterCopy(t, w), nil
}

// unremoved writes off a batch whose objects could not be removed.
func (r *run) unremoved(ctx context.Context, t task.Task, cause error) (ledger.WriteOff, error) {
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return ledger.WriteOff{}, err
	}
	mirror.Unremoved(rows, r.config.Now().UTC(), cause)
	return r.ledger.WriteOff(ctx, t.Batch, ledger.WriteOff{Rows: rows})
}

// remover returns what removes objects for a task; sides may be nil for Remove.
func (r *run) remover(sides *outage.Tracker) *mirror.Remover {
	return &mirror.Remover{
		Source: r.src, Target: r.dst, Rules: &r.rules, Began: r.start.At, Share: r.share, Sides: sides, Writable: r.writable,
		Removable: func(ctx context.Context, key string) (job.Job, error) {
			return r.wanted(ctx, store.Object{Key: key}, true)
		},
		Reserve: r.ledger.Reserve, Now: r.config.Now, Log: r.log,
	}
}
