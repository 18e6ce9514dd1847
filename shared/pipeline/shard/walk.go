package shard

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
)

// List walks source and target side by side over what is not sealed of the shard, and
// seals what it finds. It covers as much as one shard may hold, or half of the time at
// hand allows, or the memory, of a whole run's first one a page; the rest becomes its children, which are
// listed side by side. The error is ErrTwin, which is Later, where another delivery of the
// same task lists the shard.
func (s *Shard) List(ctx context.Context) error {
	listed, err := s.config.Begin(ctx)
	if err != nil {
		return err
	}
	defer listed()
	b := batching.New(ctx, s.ref.Shard, s.config.Batches)
	defer b.Stop()
	s.batches = b
	defer func() { _ = s.wait() }()
	limits, rest := s.config.Job.Limits, s.rest()
	end := listing.End{Range: s.ref.Range, Before: s.before, Full: limits.ShardKeys, Chain: s.config.Chain}
	most, fan := end.Full, limits.Fanout
	if s.ref.Shard == ledger.RootShard && !s.config.Named {
		most, end.Full, fan = listing.First(limits.ShardKeys, limits.Fanout)
	}
	most = max(1, most-s.all.Counts.Listed.Objects)
	defer s.stopCutting()
	looking, enough := deadline.Reserve(ctx)
	defer enough()
	spare := half(ctx)
	both := s.config.Both(looking, s.before, rest)
	lasts := s.config.Memory.Open(looking, rest)
	defer lasts.Close()
	more, mayEnd := false, false
	for j, err := range verdict.Judge(ctx, s.config.Asker, both, lasts.Find) {
		if err != nil && mayEnd && listing.IsBorder(end.Last) && looking.Err() != nil && ctx.Err() == nil {
			more = true // a page that did not come in time: what came before it stands
			break
		}
		if err != nil {
			return err
		}
		full := end.Dense.Seen >= most || b.Weight() >= limits.ShardBytes
		if mayEnd && (full || deadline.Near(ctx, spare) || s.config.Short() || s.divides(looking, end)) && listing.IsBorder(end.Last) {
			more = true
			break
		}
		if mayEnd && b.Full() && listing.IsBorder(end.Last) {
			due, err := s.due()
			if err != nil {
				return err
			}
			if due {
				s.begin(ctx, end.Last, end.Landmarks())
			}
		}
		if err := b.Take(j); err != nil {
			return err
		}
		end.Last = j.Key()
		end.Dense.Add(end.Last)
		mayEnd = j.Src != nil || !s.config.Chain // a chain goes on from a key that the source has
	}
	if err := s.wait(); err != nil {
		return err
	}
	if !more {
		return s.end(ctx, s.ref.Range.UpTo, nil)
	}
	return s.leave(ctx, looking, end, fan)
}

// leave seals what was listed up to an end, and leaves what is behind it to children, at
// most fan of full ones.
func (s *Shard) leave(ctx, looking context.Context, end listing.End, fan int) error {
	if s.config.Send != nil {
		s.begin(ctx, end.Last, end.Landmarks()) // its copies leave while what is left is looked at
	}
	var children []ledger.ShardRef
	for _, c := range s.cut(looking, end, fan) {
		children = append(children, ledger.ShardRef{Shard: ledger.Nonce(), Range: c.Range, Before: c.Before})
	}
	if err := s.wait(); err != nil {
		return err
	}
	return s.end(ctx, end.Last, children)
}

// half of the time at hand goes to the listing of a shard at most: its
// verification lists the same again, and cannot leave a part of it to another.
func half(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(0, (time.Until(end)-deadline.Margin)/2)
}
