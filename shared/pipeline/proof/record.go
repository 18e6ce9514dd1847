package proof

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
)

// Record proves the shard, and returns the record that is to be created. It names files of
// what the shard came to, its table and the rows that a later run may believe, and batches
// of what is to be copied and proved in another round, as the shard of another name. Of a
// shard whose listing failed nothing is known, and its record says so.
func (s *Shard) Record(ctx context.Context, to ledger.Results) (ledger.Proved, error) {
	if s.Closed.Failed != "" {
		return ledger.Proved{Shard: s.Closed.Shard, Failed: s.Closed.Failed, Was: s.Closed.Was(), At: s.Rules.Now().UTC()}, nil
	}
	c, again := s.Closed, ledger.AgainShard(s.Closed.Shard)
	next := batching.New(ctx, again, s.Batching)
	defer next.Stop()
	s.Next, s.Failed = next.Add, next.Failed
	p, err := s.Prove(ctx)
	if err != nil {
		return ledger.Proved{}, err
	}
	sealed, err := next.Finish()
	if err != nil {
		return ledger.Proved{}, err
	}
	r := ledger.Proved{Shard: c.Shard, Counts: p.Counts, Failures: p.Failures, Was: c.Was(), At: s.Rules.Now().UTC()}
	if len(sealed.All) > 0 {
		r.Next = &ledger.Closed{
			V: ledger.Version, Shard: again, Range: c.Range, Before: c.Before, Counts: sealed.Counts,
			Batches: sealed.All, Round: c.Round + 1, At: r.At,
		}
	}
	if err := p.Table.Write(ctx, to, &r); err != nil {
		return r, err
	}
	r.Objects.Packed, err = p.Packed.Write(ctx, to, c.Shard)
	s.Proven(p.Rest)
	return r, err
}
