package pipeline

import (
	"context"
	"iter"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
)

// foldDeletes folds what became of deletions into the report, by the decision
// on them and whether or not they go on, and writes their rows away.
func (r *run) foldDeletes(ctx context.Context, p ledger.Progress, g ledger.Gate, rep *Report, m *Manifest) error {
	rep.Mirror = &Mirror{Candidates: g.Candidates, Others: g.Others, Refused: g.Reason}
	if !g.Allowed {
		rep.Result = ResultIncomplete
		return nil
	}
	written := table.NewWriter(r.job)
	for b, err := range r.candidates(ctx, p) {
		switch {
		case fault.KindOf(err) == fault.Corrupt:
			rep.Result = ResultIncomplete
			rep.Mirror.Failed.Add(int64(b.of.Rows), b.of.Bytes)
			rep.fail(ledger.Failure{Key: b.of.First, State: ledger.Failed, Reason: "what became of this and what follows up to " + strconv.Quote(b.of.Last) + " is not known: " + err.Error(), Cause: "what became of the deletions of a stretch is not known: " + ledger.CauseOf(err)})
		case err != nil:
			return err
		}
		for _, row := range b.rows {
			rep.mirrored(row)
			if err := written.Add(row); err != nil {
				return err
			}
		}
	}
	if written.Rows() == 0 {
		return nil
	}
	data, f, err := written.Finish()
	if err != nil {
		return err
	}
	f.Name, err = r.WriteObjects(ctx, deletedRows, data)
	m.Files = append(m.Files, f)
	return err
}

// candidates yields the batches of what may be deleted with their rows as they
// stand, in order, a few read ahead side by side. An error is of that batch alone.
func (r *run) candidates(ctx context.Context, p ledger.Progress) iter.Seq2[settledBatch, error] {
	closings := ahead(ctx, func(yield func(string, error) bool) {
		for _, s := range p.Shards {
			if s.Candidates.Objects > 0 && !yield(s.Ref.Shard, nil) {
				return
			}
		}
	}, r.Closed)
	return ahead(ctx, func(yield func(ledger.BatchRef, error) bool) {
		for c, err := range closings {
			if err != nil {
				yield(ledger.BatchRef{}, err)
				return
			}
			for _, b := range c.Deletes {
				if !yield(b, nil) {
					return
				}
			}
		}
	}, func(ctx context.Context, b ledger.BatchRef) (settledBatch, error) {
		rows, _, err := r.Settled(ctx, b)
		return settledBatch{b, rows}, err
	})
}

// settledBatch is a batch and what became of it.
type settledBatch struct {
	of   ledger.BatchRef
	rows []ledger.Row
}

func (rep *Report) mirrored(row ledger.Row) {
	size := row.Dst.Size
	switch row.State {
	case ledger.Deleted:
		rep.Mirror.Deleted.Add(1, size)
		rep.Objects.Deleted++
		rep.Bytes.Deleted += size
	case ledger.Failed:
		rep.Mirror.Failed.Add(1, size)
		rep.Result = ResultIncomplete
		row.Because("it could not be deleted from the target: "+row.Cause, "it could not be deleted from the target: "+row.Reason)
		rep.fail(row.Failure())
	case ledger.Pending:
		rep.Mirror.Open.Add(1, size)
	default:
		rep.Mirror.Kept.Add(1, size)
		if row.Cause == ledger.Unlisted {
			rep.Unlisted++
		}
	}
}
