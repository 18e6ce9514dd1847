package shard

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/store"
)

// sealed is what the sealing of a stretch came to.
type sealed struct {
	ledger.Stretch
	err error
}

// due reports whether a stretch may be sealed where the listing is now: a batch is full,
// and none is being sealed.
func (s *Shard) due() (bool, error) {
	if s.config.Send == nil {
		return false, nil
	}
	if s.under != nil {
		select {
		case done := <-s.under:
			if err := s.take(done); err != nil {
				return false, err
			}
		default:
			return false, nil
		}
	}
	return s.batches.Full(), nil
}

// begin begins to seal what was listed since the stretch before, up to a key. before are
// the landmarks of what is behind it.
func (s *Shard) begin(ctx context.Context, upTo, before string) {
	written, n := s.batches.Cut(), s.n
	o := ledger.Stretch{Shard: s.ref.Shard, Range: store.Range{Prefix: s.ref.Range.Prefix, After: s.after, UpTo: upTo}, Before: before}
	under := make(chan sealed, 1)
	s.under = under
	go func() {
		o, err := s.seal(ctx, n, o, written)
		if err == nil {
			err = s.config.Send(ctx, o.Batches, false)
		}
		under <- sealed{o, err}
	}()
}

// seal creates the record of the n-th stretch once its rows are written. It is Later where
// another delivery of the task has: that one lists the shard.
func (s *Shard) seal(ctx context.Context, n int, o ledger.Stretch, written func() (batching.Batches, error)) (ledger.Stretch, error) {
	gathered, err := written()
	if err != nil {
		return o, err
	}
	o.Batches, o.Counts, o.By, o.At = gathered.All, gathered.Counts, s.by, s.config.Now().UTC()
	if s.config.Job.Delete {
		o.Deletes, o.Others, o.Held = gathered.Deletes, gathered.Others, gathered.Held
	}
	stands, err := s.config.Ledger.Shards().CreateStretch(ctx, n, o)
	if err == nil && stands.By != s.by {
		err = fault.New(fault.Later, "pipeline.list", o.Shard, ErrTwin)
	}
	return stands, err
}

// wait waits for the stretch that is being sealed.
func (s *Shard) wait() error {
	if s.under == nil {
		return nil
	}
	return s.take(<-s.under)
}

func (s *Shard) take(done sealed) error {
	s.under = nil
	if done.err == nil {
		s.add(done.Stretch)
	}
	return done.err
}

// end seals the last stretch, up to a key, which leaves children.
func (s *Shard) end(ctx context.Context, upTo string, children []ledger.ShardRef) error {
	o := ledger.Stretch{
		Shard: s.ref.Shard, Range: store.Range{Prefix: s.ref.Range.Prefix, After: s.after, UpTo: upTo}, End: true, Children: children,
	}
	o, err := s.seal(ctx, s.n, o, s.batches.Cut())
	if err == nil {
		s.add(o)
	}
	return err
}
