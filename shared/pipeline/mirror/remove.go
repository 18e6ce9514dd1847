package mirror

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Remove removes the objects of the rows of a batch from the target: of a row that is
// Gone the copy, if the source still does not have the key, of any other the bytes that
// are damaged. It returns how often the most tried row was tried. A row whose object is
// to be copied again is pending; an error says that an object could not be removed.
func (m *Remover) Remove(ctx context.Context, batch string, rows []ledger.Row) (tries int, err error) {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(m.parallel())
	for i := range rows {
		group.Go(func() (err error) {
			if rows[i].State == ledger.Gone {
				rows[i], err = m.unmirror(gctx, batch, rows[i])
			} else {
				rows[i], err = m.undamage(gctx, rows[i])
			}
			return err
		})
	}
	err = group.Wait()
	return mostTries(rows), err
}

// undamage removes bytes of the job that OSS reported as damaged, unless the target
// holds another object by now. Where they cannot be removed, an object that is to be
// tried again goes on nonetheless, for its next try overwrites them, as its row says;
// for one that failed the error is returned.
func (m *Remover) undamage(ctx context.Context, row ledger.Row) (ledger.Row, error) {
	short, cancel := context.WithTimeout(ctx, deadline.Margin/2)
	defer cancel()
	_, err := store.Retry(short, store.Pauses(), "remove", row.Key(), func() (struct{}, error) {
		if err := m.Share.Request(short, "delete", row.Key()); err != nil {
			return struct{}{}, err
		}
		kept, err := m.stillOurs(short, row)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return struct{}{}, nil
		case err != nil:
			return struct{}{}, err
		case !verdict.Rejected(row, kept):
			return struct{}{}, nil
		}
		return struct{}{}, m.deleteObject(short, row.Key())
	})
	u, taken := verdict.IsUnwanted(err)
	switch {
	case err == nil:
		return row, nil
	case taken && u.Why != "":
		row.State, row.At = ledger.Failed, m.Now().UTC()
		also(&row, fault.Errorf("what the target holds under its key is damaged, and was left alone: %s", u.Why))
		return row, nil
	case taken:
		return row, err
	case ctx.Err() != nil || row.State != ledger.Pending:
		return row, err
	}
	m.Log.WarnContext(ctx, "damaged object not removed, it will be overwritten", "key", row.Key(), "fault", fault.KindOf(err), "err", err)
	return row, nil
}

// stillOurs asks for the target's object of a row, and at the same time whether the
// object of the row is still to be written.
func (m *Remover) stillOurs(ctx context.Context, row ledger.Row) (kept store.Object, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.Writable(gctx, row.Src) })
	g.Go(func() (err error) {
		kept, err = verdict.Look(gctx, m.Rules, row.Key(), row.Dst)
		return err
	})
	err = g.Wait()
	return kept, err
}

// unmirror removes the copy of a key that vanished at the source, if it still
// does not have it, if the target's object is the job's by its metadata and by what earlier
// runs left, and if the job still mirrors deletions. All of that is asked before a place among the
// day's removals is taken, which is for good, and once more right before the removal.
func (m *Remover) unmirror(ctx context.Context, batch string, row ledger.Row) (ledger.Row, error) {
	if err := m.Share.Request(ctx, "delete", row.Key()); err != nil {
		return row, err
	}
	last, err := m.Last(ctx, row.Key())
	if err != nil {
		return row, err
	}
	s, row, err := m.vanishedYet(ctx, row, last)
	if err != nil || row.Then != ledger.Remove {
		return row, err
	}
	if ok, err := m.Reserve(ctx, batch, s.job.Deletes()); err != nil || !ok {
		row.State, row.Then = ledger.Failed, ""
		row.Explain(fault.Errorf("it was deleted at the source, but events may remove %d objects in a UTC day (maxDeletes), and no more; the next run decides, or raise it", s.job.Deletes()))
		return row, err
	}
	if s, row, err = m.vanishedYet(ctx, row, last); err != nil || row.Then != ledger.Remove {
		return row, err
	}
	if err := m.deleteObject(ctx, row.Key()); err != nil {
		return row, err
	}
	row.State, row.Then = ledger.Deleted, ""
	row.Because("", "")
	row.Dst = new(verdict.DstOf(s.dst))
	return row, nil
}

// vanishedYet asks whether the copy of a key, of which earlier runs left last, is to be
// removed now: Then is Remove in the row if so, else the row says why not.
func (m *Remover) vanishedYet(ctx context.Context, row ledger.Row, last *memory.Row) (looked, ledger.Row, error) {
	s, err := m.lookOnce(ctx, row.Key(), row.Dst, memory.DstOf(last))
	row.At, row.Then = m.Now().UTC(), ""
	switch u, taken := verdict.IsUnwanted(err); {
	case taken && u.Why != "":
		row.Because(ledger.TakenBack, "the source does not have it; the target keeps its copy, for "+u.Why)
		err = nil
	case err != nil:
	case s.inSource: // an event like any other
		row = ledger.Row{Src: s.src, State: ledger.Pending, Tries: row.Tries, At: row.At}
	case !s.inTarget:
		row.State = ledger.Deleted
		row.Because("", "it was gone when its turn came, by an earlier delivery of the task or by someone else")
	case !m.Rules.Copies().WroteStill(s.dst, last) || row.Dst != nil && !m.Rules.Copies().Stands(*row.Dst, s.dst, row.Author):
		row.State = ledger.Conflict
		row.Because("", "it was deleted at the source, and someone else wrote it in the target meanwhile; it was left alone")
	default:
		row.Then = ledger.Remove
	}
	return s, row, err
}

// Unremoved makes rows failed whose objects could not be removed because of cause.
func Unremoved(rows []ledger.Row, now time.Time, cause error) {
	for i := range rows {
		row := &rows[i]
		row.State, row.At = ledger.Failed, now
		also(row, fault.Errorf("what the target holds under its key could not be removed: %w", cause))
	}
}

// also gives a row err as a reason beside the one that it has.
func also(row *ledger.Row, err error) {
	if row.Reason == "" {
		row.Explain(err)
		return
	}
	row.Because(ledger.CauseOf(err), row.Reason+"; "+ledger.Reason(err))
}
