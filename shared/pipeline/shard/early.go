package shard

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/store"
)

// CloseEarly closes a shard that was begun and will not be listed to its end behind what
// is sealed of it, and leaves the rest to a child; failed says why that is given up, if it
// is. ok is false where nothing is sealed. newest are the batches of the newest stretch
// that was sealed before, whose copies may not have been sent.
func CloseEarly(ctx context.Context, ref ledger.ShardRef, config Config, failed string) (c ledger.Closed, newest []ledger.BatchRef, ok bool, err error) {
	s := New(ref, config)
	if err := s.read(ctx); err != nil || s.n == 0 {
		return c, nil, false, err
	}
	newest = s.last
	if !s.ended {
		rest := ledger.ShardRef{Shard: ledger.Nonce(), Range: s.rest(), Before: s.before}
		if failed != "" {
			if _, err := config.Ledger.Shards().CreateListed(ctx, ledger.Closed{Shard: rest.Shard, Range: rest.Range, Before: rest.Before, Failed: failed, At: config.Now()}); err != nil {
				return c, nil, false, err
			}
		}
		nothing := func() (batching.Batches, error) { return batching.Batches{}, nil }
		o, err := s.seal(ctx, s.n, ledger.Stretch{Shard: ref.Shard, Range: store.Range{Prefix: ref.Range.Prefix, After: s.after, UpTo: s.after}, End: true, Children: []ledger.ShardRef{rest}}, nothing)
		if err != nil {
			return c, nil, false, err
		}
		s.add(o)
	}
	if c, _, err = s.Close(ctx); err != nil {
		return c, nil, false, err
	}
	return c, newest, true, nil
}

// CloseAll closes the shards of a run that was cancelled behind what is sealed of them:
// what is copied of it is in the books. One that a process has not noticed yet to be
// cancelled is left open.
func CloseAll(ctx context.Context, config Config) error {
	p, err := progress.Glance(ctx, config.Ledger)
	if err != nil {
		return err
	}
	for _, s := range p.Shards {
		if s.Closed != nil {
			continue
		}
		if _, _, _, err := CloseEarly(ctx, s.Ref, config, ""); err != nil && fault.KindOf(err) != fault.Later {
			return err
		}
	}
	return nil
}
