package shard

import (
	"context"

	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// worthDividing is how many keys seem to be left of a shard, at least, where places are idle.
const worthDividing = 4 * listing.FewKeys

// divides reports whether what is left of the shard is to be divided where the listing is
// now, long before the shard is full: places of this process are idle, and what is left was
// found to be worth it. That is looked at while the listing goes on, each time behind twice
// as many keys as the time before.
func (s *Shard) divides(ctx context.Context, end listing.End) bool {
	seen := end.Dense.Seen
	if s.config.Idle == nil || seen < s.alone || seen%store.KeysPerPage != 0 {
		return false
	}
	switch {
	case s.cutting == nil:
		_, _, fan := listing.First(end.Full, s.config.Job.Limits.Fanout)
		if n := min(1+s.config.Idle(), fan); n > 1 {
			end.Full = min(end.Full, worthDividing)
			s.cutting = listing.BeginCut(ctx, s.config.Source, s.known(end), n)
		}
	case s.cutting.Done():
		if len(s.cutting.Behind(end)) > 1 {
			return true
		}
		s.stopCutting()
		s.alone = 2 * seen
	}
	return false
}

// cut returns what is left behind an end, in stretches, at most fan of full ones where none
// are being looked for.
func (s *Shard) cut(ctx context.Context, end listing.End, fan int) []listing.Stretch {
	if s.cutting != nil {
		if left := s.cutting.Behind(end); left != nil {
			return left
		}
	}
	return listing.Cut(ctx, s.config.Source, s.known(end), fan)
}

// known returns end with what is known of the shard's keys.
func (s *Shard) known(end listing.End) listing.End {
	end.Firsts, end.Lasts = nil, nil
	for _, b := range s.all.Batches {
		end.Firsts, end.Lasts = append(end.Firsts, b.First), append(end.Lasts, b.Last)
	}
	return end
}

// stopCutting ends the cut that is being made.
func (s *Shard) stopCutting() {
	if s.cutting != nil {
		s.cutting.Stop()
		s.cutting = nil
	}
}
