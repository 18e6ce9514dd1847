package pipeline

import (
	"context"
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/proof"
	"kodoferry/shared/task"
)

// verify yields itself, for later, until every batch of the shard is written off. Then
// it lists both sides again with the rows beside them, and proves each row. What
// changed at the source meanwhile is sealed again, a bounded number of rounds.
func (r *run) verify(ctx context.Context, t task.Task) ([]task.Task, error) {
	c, err := r.ledger.Closed(ctx, t.Shard)
	if err != nil {
		return nil, err
	}
	if c.Failed != "" { // nothing is known of it, and that is its outcome
		p, err := r.ledger.Prove(ctx, ledger.Proved{Shard: c.Shard, Failed: c.Failed, Was: c.Was(), At: r.config.Now().UTC()})
		return r.afterVerify(p), err
	}
	open, err := r.ledger.OpenBatches(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(open) > 0 {
		return r.lookAgain(t, r.config.MaxWait), nil
	}
	if p, err := r.ledger.Proved(ctx, t.Shard); !ledger.Missing(err) {
		return r.afterVerify(p), err
	}
	p, err := r.prove(ctx, t, c)
	if err != nil {
		return nil, err
	}
	if p, err = r.ledger.Prove(ctx, p); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "shard verified", "shard", p.Shard, "objects", p.Counts.Listed.Objects)
	return r.afterVerify(p), nil
}

// prove proves the rows of a shard. It seals what the next round is to copy, writes
// the table of the others, and returns the record that is to be created.
func (r *run) prove(ctx context.Context, t task.Task, c ledger.Closed) (ledger.Proved, error) {
	next := newSealer(ctx, r, ledger.AgainShard(c.Shard))
	defer next.stop()
	shard := proof.Shard{
		Closed: c, Rules: &r.rules, Asker: r.asker(t), Source: r.srcFrom(c.Before), Target: r.dst, Began: r.start.At, Named: len(r.start.Keys) > 0,
		Rows: func(ctx context.Context) iter.Seq2[ledger.Row, error] { return r.outcomes(ctx, c.Batches) },
		Next: next.add, Failed: next.failed,
		Proven: func(n int64) { r.config.Watch(Progress{Kind: Proven, N: n}) },
	}
	proved, err := shard.Prove(ctx)
	if err != nil {
		return ledger.Proved{}, err
	}
	p := ledger.Proved{Shard: c.Shard, Counts: proved.Counts, Failures: proved.Failures, Was: c.Was(), At: r.config.Now().UTC()}
	batches, counts, err := next.finish()
	if err != nil {
		return p, err
	}
	if len(batches) > 0 {
		p.Next = &ledger.Closed{
			V: ledger.Version, Shard: next.shard, Range: c.Range, Before: c.Before, Counts: counts,
			Batches: batches, Round: c.Round + 1, At: p.At,
		}
	}
	data, file, err := proved.Table.Finish()
	if err != nil {
		return p, err
	}
	p.Objects = file
	p.Objects.Name, err = r.ledger.WriteObjects(ctx, c.Shard, data)
	shard.Proven(proved.Rest)
	return p, err
}

// afterVerify returns what follows from a verified shard: what was sealed again.
func (r *run) afterVerify(p ledger.Proved) []task.Task {
	if p.Next == nil {
		return nil
	}
	return r.afterList(*p.Next)
}

// outcomes yields the rows of written off batches as they ended, in key order, reading
// one batch ahead.
func (r *run) outcomes(ctx context.Context, batches []ledger.BatchRef) iter.Seq2[ledger.Row, error] {
	type page struct {
		rows []ledger.Row
		err  error
	}
	return func(yield func(ledger.Row, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan page)
		go func() {
			defer close(pages)
			for _, b := range batches {
				rows, err := r.ledger.Outcome(ctx, b)
				select {
				case pages <- page{rows, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() { // the goroutine ends before the iterator does
			cancel()
			for range pages {
			}
		}()
		for p := range pages {
			if p.err != nil {
				yield(ledger.Row{}, p.err)
				return
			}
			for _, row := range p.rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
