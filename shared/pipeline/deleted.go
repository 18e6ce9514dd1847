package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
)

// deleted folds what became of deletions into the report and writes their rows
// away. open reports that they go on.
func (r *run) deleted(ctx context.Context, p ledger.Progress, rep *Report, m *Manifest) (open bool, err error) {
	g, err := r.Decided(ctx)
	if ledger.Missing(err) {
		return true, nil
	}
	if err != nil || len(r.deletes(p, g)) > 0 {
		return true, err
	}
	return false, r.foldDeletes(ctx, p, g, rep, m)
}

// foldDeletes does that by a decision, whether or not they go on.
func (r *run) foldDeletes(ctx context.Context, p ledger.Progress, g ledger.Gate, rep *Report, m *Manifest) error {
	rep.Mirror = &Mirror{Candidates: g.Candidates, Refused: g.Reason}
	if !g.Allowed {
		rep.Result = ResultIncomplete
		return nil
	}
	table := newTable(r.job)
	for _, s := range p.Shards {
		for _, b := range s.Closed.Deletes {
			rows, _, err := r.Settled(ctx, b)
			if err != nil {
				return err
			}
			for _, row := range rows {
				rep.mirrored(row)
				if err := table.add(row); err != nil {
					return err
				}
			}
		}
	}
	if table.rows == 0 {
		return nil
	}
	data, err := table.finish()
	if err != nil {
		return err
	}
	f := ledger.File{Rows: table.rows, SHA256: table.sum(data)}
	f.Name, err = r.WriteObjects(ctx, deletedRows, data)
	m.Files = append(m.Files, f)
	return err
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
		rep.fail(ledger.Failure{Key: row.Key(), State: row.State, Reason: "it could not be deleted from the target: " + row.Reason})
	case ledger.Pending:
		rep.Mirror.Open.Add(1, size)
	default:
		rep.Mirror.Kept.Add(1, size)
	}
}
