package overview

import (
	"cmp"
	"slices"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/reading"
)

// foldSpace is the key space in order.
func foldSpace(r *reading.Reader) []Stretch {
	var all []Stretch
	for _, s := range r.Shards {
		if _, again := ledger.ParentOf(s.Name); again || !s.Known || s.Closed && !s.Read {
			continue
		}
		all = append(all, stretchOf(s))
	}
	slices.SortFunc(all, func(a, b Stretch) int { return cmp.Compare(a.After, b.After) })
	return joinStretches(all)
}

// stretchOf is a shard as a stretch of the key space.
func stretchOf(s *reading.Shard) Stretch {
	p := Stretch{After: s.Ref.Range.After, UpTo: s.Ref.Range.UpTo, Shards: 1, Listed: s.Listed, Progress: Unlisted, Done: 1, Reason: cmp.Or(s.Failed, s.Unproved)}
	left := s.Left()
	switch {
	case p.Reason != "":
		p.Progress, p.GivenUp = GivenUp, 1
	case s.Proved:
		p.Progress = VerifiedProof
		p.Failed = s.Counts.States[ledger.Failed].Objects + s.Counts.States[ledger.Conflict].Objects + s.Counts.Verdicts[ledger.Mismatch].Objects
	case s.Closed && left.Objects == 0:
		p.Progress = Copied
	case s.Closed:
		p.Progress = Listed
	}
	if s.ToCopy.Objects > 0 {
		p.Done = 1 - float64(left.Objects)/float64(s.ToCopy.Objects)
	} else if !s.Closed {
		p.Done = 0
	}
	return p
}

// joinStretches joins neighbours until there are at most MaxStretches.
func joinStretches(all []Stretch) []Stretch {
	if len(all) <= MaxStretches {
		return append([]Stretch{}, all...)
	}
	out := make([]Stretch, 0, MaxStretches)
	for i := range MaxStretches {
		some := all[i*len(all)/MaxStretches : (i+1)*len(all)/MaxStretches]
		one := some[0]
		done := one.Done
		for _, s := range some[1:] {
			one.UpTo = s.UpTo
			one.Mixed = one.Mixed || s.Progress != one.Progress
			if rank(s.Progress) < rank(one.Progress) {
				one.Progress = s.Progress
			}
			one.Shards += s.Shards
			one.GivenUp += s.GivenUp
			one.Failed += s.Failed
			one.Listed = plus(one.Listed, s.Listed)
			one.Reason = cmp.Or(one.Reason, s.Reason)
			done += s.Done
		}
		one.Done = done / float64(len(some))
		out = append(out, one)
	}
	return out
}

// rank orders progress: given up is told before anything else.
func rank(p Progress) int {
	return slices.Index([]Progress{GivenUp, Unlisted, Listed, Copied, VerifiedProof}, p)
}
