package closing

import (
	"context"
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/report"
)

// foldDeletes adds what became of deletions to the report, by the decision on
// them, and writes their rows away.
func (b *Books) foldDeletes(ctx context.Context, p progress.Run, decision ledger.DeleteDecision, rep *report.Report, m *report.Manifest) error {
	packed := memory.NewWriter(b.Run.Name)
	data, file, err := rep.AddDeletions(b.Job, decision, func(yield func(report.Batch, error) bool) {
		for batch, err := range b.candidates(ctx, p) {
			for _, row := range batch.Rows {
				if last, ok := memory.Of(row, b.Run.Name); ok {
					packed.Add(last)
				}
			}
			if !yield(batch, err) {
				return
			}
		}
	})
	if err != nil || file.Rows == 0 {
		return err
	}
	if file.Name, err = b.Run.Results().WriteObjects(ctx, report.Deletions, data); err != nil {
		return err
	}
	file.Packed, err = packed.Write(ctx, b.Run.Results(), report.Deletions)
	m.Files = append(m.Files, file)
	return err
}

// candidates yields the batches of what may be deleted with their rows as they
// stand, in order, a few read ahead side by side. An error is of that batch alone.
func (b *Books) candidates(ctx context.Context, p progress.Run) iter.Seq2[report.Batch, error] {
	closings := readahead.Each(ctx, lookups, func(yield func(string, error) bool) {
		for _, s := range p.Shards {
			if s.Candidates.Objects > 0 && !yield(s.Ref.Shard, nil) {
				return
			}
		}
	}, b.Run.Shards().ReadListed)
	return readahead.Each(ctx, lookups, func(yield func(ledger.BatchRef, error) bool) {
		for c, err := range closings {
			if err != nil {
				yield(ledger.BatchRef{}, err)
				return
			}
			for _, batch := range c.Deletes {
				if !yield(batch, nil) {
					return
				}
			}
		}
	}, func(ctx context.Context, batch ledger.BatchRef) (report.Batch, error) {
		rows, _, err := b.Run.Batches().Settled(ctx, batch)
		return report.Batch{Ref: batch, Rows: rows}, err
	})
}
