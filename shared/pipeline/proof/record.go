package proof

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
)

// Record writes the files of what a shard came to, its table and the rows that a later run
// may believe, and returns the record that is to be created and names them. next has the
// rows that are to be copied and proved in another round, as the shard of the name again.
func (s *Shard) Record(ctx context.Context, to ledger.Results, p Proof, again string, next batching.Batches, now time.Time) (ledger.Proved, error) {
	c := s.Closed
	r := ledger.Proved{Shard: c.Shard, Counts: p.Counts, Failures: p.Failures, Was: c.Was(), At: now.UTC()}
	if len(next.All) > 0 {
		r.Next = &ledger.Closed{
			V: ledger.Version, Shard: again, Range: c.Range, Before: c.Before, Counts: next.Counts,
			Batches: next.All, Round: c.Round + 1, At: r.At,
		}
	}
	err := p.Table.Write(ctx, to, &r)
	if err != nil {
		return r, err
	}
	r.Objects.Packed, err = p.Packed.Write(ctx, to, c.Shard)
	s.Proven(p.Rest)
	return r, err
}
