package mirror

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
)

// unlistedReason is of an object that was to be deleted from the target because the
// source had not listed it.
const unlistedReason = "the source has it, and had it when the run began: its listing did not show it"

// Delete removes the objects of rows that are pending from the target, each only if the
// source still does not have it and the target's object is still the copy that was
// listed. What became of an object stands in its row; one that is to be tried again, or
// was not begun before ctx ended, a side was out, or the deadline was near, stays
// pending. Delete returns how often the row was tried, or has waited for a side that is
// out, that was, or has, most often.
func (m *Remover) Delete(ctx context.Context, rows []ledger.Row) (tries int) {
	was := slices.Clone(rows)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(m.parallel())
	for i := range rows {
		if rows[i].State != ledger.Pending || i > 0 && deadline.Near(ctx, 0) || ctx.Err() != nil || m.Sides.Blocked() {
			continue
		}
		group.Go(func() error {
			rows[i] = m.deleteOne(gctx, rows[i])
			return nil
		})
	}
	_ = group.Wait()       // none returns an error: trouble stays in the rows
	if m.Sides.Blocked() { // what was not served before that was known has waited, too
		return awaited(was, rows)
	}
	return mostTries(rows)
}

// awaited puts the rows that a side did not serve back as they were, with one wait
// more. It returns how often the one had waited before that had waited most often.
func awaited(was, rows []ledger.Row) (waits int) {
	for i := range rows {
		if rows[i].State == ledger.Pending || rows[i].State == ledger.Failed {
			waits = max(waits, was[i].Waits)
			rows[i].State, rows[i].Tries, rows[i].Waits = was[i].State, was[i].Tries, was[i].Waits+1
		}
	}
	return waits
}

// deleteOne removes the object of a row, or says in it why not.
func (m *Remover) deleteOne(ctx context.Context, row ledger.Row) ledger.Row {
	on, state, why, err := m.removeCopy(ctx, row)
	waits := false
	switch {
	case err == nil:
		m.Sides.Served(outage.Source)
		m.Sides.Served(outage.Target)
	case ctx.Err() == nil && on != outage.Neither && outage.Suspected(err):
		waits, err = m.Sides.Unserved(ctx, on, row.Key(), err)
	}
	kind := fault.KindOf(err)
	row.At = m.Now().UTC()
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
		if row.Explain(err); kind == fault.Invalid || kind == fault.Denied || row.Tries >= m.Rules.Job.Limits.Attempts {
			row.State = ledger.Failed
			m.Log.ErrorContext(ctx, "object not deleted", "key", row.Key(), "fault", kind, "err", err)
		}
	}
	return row
}

// removeCopy asks both sides once more and, if both are as they were, and the job still
// has it removed, removes the target's object at once. An error is of the side that it
// returns.
func (m *Remover) removeCopy(ctx context.Context, row ledger.Row) (outage.Side, ledger.State, string, error) {
	if err := m.Share.Request(ctx, "delete", row.Key()); err != nil {
		return outage.Neither, "", "", err
	}
	s, err := m.lookOnce(ctx, row.Key(), row.Dst, memory.DstOf(memory.Was(row)))
	switch {
	case err != nil:
		return s.failed, "", "", err
	case s.inSource && s.src.Modified.Before(m.Began):
		return outage.Neither, ledger.Skipped, unlistedReason, nil
	case s.inSource:
		return outage.Neither, ledger.Skipped, "the source has it again", nil
	case !s.inTarget:
		return outage.Neither, ledger.Deleted, "it was gone when its turn came, by an earlier delivery of the task or by someone else", nil
	case row.Author == ledger.NotOurs, row.Author == "" && !m.Rules.Copies().WroteStill(s.dst, memory.Was(row)), !m.Rules.Copies().Stands(*row.Dst, s.dst, row.Author):
		return outage.Neither, ledger.Conflict, "someone else wrote it in the target meanwhile; it was left alone", nil
	}
	return outage.Target, ledger.Deleted, "", m.deleteObject(ctx, row.Key())
}
