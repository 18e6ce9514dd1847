package pipeline

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// remove takes from the target what copying found but has no right to remove:
// the copy of a key that an event found vanished, whose row is Gone, and bytes of
// our own that are damaged. What is to be copied then goes back to be copied.
func (r *run) remove(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(min(lookups, r.job.Limits.Parallel))
	for i := range rows {
		group.Go(func() (err error) {
			if rows[i].State == ledger.Gone {
				rows[i], err = r.unmirror(gctx, t.Batch, rows[i])
			} else {
				rows[i], err = r.undamage(gctx, rows[i])
			}
			return err
		})
	}
	// A removal that fails fails the task: done again, it finds what is removed already.
	if err := group.Wait(); err != nil {
		return nil, err
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	if w, err = r.end(ctx, t, w, r.delay(mostTries(rows)/transfer.Tries)); err != nil {
		return nil, err
	}
	return r.afterCopy(t, w), nil
}

// undamage removes bytes of ours that OSS says are damaged. It looks first: what
// someone else wrote meanwhile stays. An object that is to be tried again goes
// on even if they could not be removed, for then they are overwritten, as the
// row tells; of one that failed they must go.
func (r *run) undamage(ctx context.Context, row ledger.Row) (ledger.Row, error) {
	short, cancel := context.WithTimeout(ctx, deadline.Margin/2)
	defer cancel()
	_, err := store.Retry(short, store.Pauses(), "remove", row.Key(), func() (struct{}, error) {
		if err := r.share.Request(short, "delete", row.Key()); err != nil {
			return struct{}{}, err
		}
		kept, err := r.stillOurs(short, row)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return struct{}{}, nil
		case err != nil:
			return struct{}{}, err
		case !verdict.Rejected(row, kept):
			return struct{}{}, nil
		}
		return struct{}{}, r.dispose(short, row.Key())
	})
	u, taken := verdict.IsUnwanted(err)
	switch {
	case err == nil:
		return row, nil
	case taken && u.Why != "":
		row.State, row.At = ledger.Failed, r.config.Now().UTC()
		also(&row, fault.Errorf("what the target holds under its key is damaged, and was left alone: %s", u.Why))
		return row, nil
	case taken:
		return row, err
	case ctx.Err() != nil || row.State != ledger.Pending:
		return row, err
	}
	r.log.WarnContext(ctx, "damaged object not removed, it will be overwritten", "key", row.Key(), "fault", fault.KindOf(err), "err", err)
	return row, nil
}

// stillOurs asks for the target's object of a row, and at the same time whether
// the row is still to be brought to an end: the run goes on and, if it is one of
// events, its job follows the key.
func (r *run) stillOurs(ctx context.Context, row ledger.Row) (kept store.Object, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.writable(gctx, row.Src) })
	g.Go(func() (err error) {
		kept, err = r.dst.Stat(gctx, row.Key())
		return err
	})
	return kept, g.Wait()
}

// unmirror removes the copy of a key that vanished at the source, if it still
// does not have it, if the target's object is the job's, and if the job
// still mirrors deletions. All of that is looked at before a place among the
// day's removals is taken, which is for good, and once more right before the removal.
func (r *run) unmirror(ctx context.Context, batch string, row ledger.Row) (ledger.Row, error) {
	if err := r.share.Request(ctx, "delete", row.Key()); err != nil {
		return row, err
	}
	s, row, err := r.vanishedYet(ctx, row)
	if err != nil || row.Then != ledger.Remove {
		return row, err
	}
	if ok, err := r.ledger.Reserve(ctx, batch, s.job.Deletes()); err != nil || !ok {
		row.State, row.Then = ledger.Failed, ""
		row.Explain(fault.Errorf("it was deleted at the source, but events may remove %d objects in a UTC day (maxDeletes), and no more; the next run decides, or raise it", s.job.Deletes()))
		return row, err
	}
	if s, row, err = r.vanishedYet(ctx, row); err != nil || row.Then != ledger.Remove {
		return row, err
	}
	if err := r.dispose(ctx, row.Key()); err != nil {
		return row, err
	}
	row.State, row.Then = ledger.Deleted, ""
	row.Because("", "")
	row.Dst = &ledger.Dst{ETag: s.dst.Hash, Size: s.dst.Size, Modified: s.dst.Modified}
	return row, nil
}

// vanishedYet looks whether the copy of a key is to be removed now: Then is
// Remove in the row if so, else the row says why not.
func (r *run) vanishedYet(ctx context.Context, row ledger.Row) (sight, ledger.Row, error) {
	s, err := r.look(ctx, row.Key())
	row.At, row.Then = r.config.Now().UTC(), ""
	switch u, taken := verdict.IsUnwanted(err); {
	case taken && u.Why != "":
		row.Because(ledger.TakenBack, "the source does not have it; the target keeps its copy, for "+u.Why)
		err = nil
	case err != nil:
	case s.again: // it is an event like any other
		row = ledger.Row{Src: s.src, State: ledger.Pending, Tries: row.Tries, At: row.At}
	case !s.there:
		row.State = ledger.Deleted
		row.Because("", "it was gone when its turn came, by an earlier delivery of the task or by someone else")
	case !r.rules.Wrote(s.dst):
		row.State = ledger.Conflict
		row.Because("", "it was deleted at the source, and someone else wrote it in the target meanwhile; it was left alone")
	default:
		row.Then = ledger.Remove
	}
	return s, row, err
}

// unremoved writes off a batch whose objects could not be removed.
func (r *run) unremoved(ctx context.Context, t task.Task, cause error) (ledger.WriteOff, error) {
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return ledger.WriteOff{}, err
	}
	for i := range rows {
		row := &rows[i]
		row.State, row.At = ledger.Failed, r.config.Now().UTC()
		also(row, fault.Errorf("what the target holds under its key could not be removed: %w", cause))
	}
	return r.ledger.WriteOff(ctx, t.Batch, ledger.WriteOff{Rows: rows})
}

// also gives a row err as a reason beside the one that it has.
func also(row *ledger.Row, err error) {
	if row.Reason == "" {
		row.Explain(err)
		return
	}
	row.Because(ledger.CauseOf(err), row.Reason+"; "+ledger.Reason(err))
}
