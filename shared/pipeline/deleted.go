package pipeline

import (
	"context"
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// foldDeletes adds what became of deletions to the report, by the decision on
// them, and writes their rows away.
func (r *run) foldDeletes(ctx context.Context, p ledger.Progress, g ledger.DeleteDecision, rep *report.Report, m *report.Manifest) error {
	data, file, err := rep.AddDeletions(r.job, g, r.candidates(ctx, p))
	if err != nil || file.Rows == 0 {
		return err
	}
	file.Name, err = r.ledger.WriteObjects(ctx, report.Deletions, data)
	m.Files = append(m.Files, file)
	return err
}

// candidates yields the batches of what may be deleted with their rows as they
// stand, in order, a few read ahead side by side. An error is of that batch alone.
func (r *run) candidates(ctx context.Context, p ledger.Progress) iter.Seq2[report.Batch, error] {
	closings := ahead(ctx, func(yield func(string, error) bool) {
		for _, s := range p.Shards {
			if s.Candidates.Objects > 0 && !yield(s.Ref.Shard, nil) {
				return
			}
		}
	}, r.ledger.Closed)
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
	}, func(ctx context.Context, b ledger.BatchRef) (report.Batch, error) {
		rows, _, err := r.ledger.Settled(ctx, b)
		return report.Batch{Ref: b, Rows: rows}, err
	})
}
