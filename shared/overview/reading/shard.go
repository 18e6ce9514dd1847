package reading

import (
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/curve"
)

// Shard is what is known of a shard.
type Shard struct {
	Name   string // never changes
	Ref    ledger.ShardRef
	Known  bool // some record names it: ref is right
	size   int64
	Closed bool // its closing is there
	Read   bool // what its closing says is known
	Proved bool // its verification is there
	Seen   bool // and was read

	Listed, Excluded, ToCopy ledger.Tally
	Sealed                   int64 // batches that hold something to copy
	Failed                   string
	children                 []string

	// While it is not verified:
	batches   []batch // those to be copied, by id
	vague     bool    // there are too many in all: what ended is derived from how many did
	ended     ledger.Tally
	Done      int64 // batches
	retries   map[string]*retry
	behind    string      // the id up to which all batches are known to have ended
	LookedAt  time.Time   // when its write-offs were listed last
	Times     curve.Curve // of these
	Stretches int         // of those that are read while it is being listed

	// Once it is verified:
	Counts   ledger.Counts
	provedAt time.Time
	Unproved string // why it was given up
}

// batch is a batch to be copied.
type batch struct {
	id      string // without its shard's
	bytes   int64
	pending int32
	done    bool
}

// retry is what is left of a batch that was written off and handed on in part.
type retry struct {
	left     ledger.Tally // as it was found last
	ended    bool
	lookedAt time.Time
}

// take takes in batches that were sealed of the shard.
func (s *Shard) take(all []ledger.BatchRef, room *int) {
	if s.vague = s.vague || len(all) > *room; s.vague {
		*room += len(s.batches)
		s.batches = nil
	}
	for _, b := range all {
		if b.Pending == 0 {
			continue
		}
		s.Sealed++
		s.ToCopy.Add(int64(b.Pending), b.Bytes)
		if s.vague {
			continue
		}
		*room--
		s.batches = append(s.batches, batch{strings.TrimPrefix(b.ID, s.Name+"-"), b.Bytes, int32(b.Pending), false})
	}
	slices.SortFunc(s.batches, func(a, b batch) int { return strings.Compare(a.id, b.id) })
}

// forget drops what is of no use once the shard is verified.
func (s *Shard) forget(room *int) {
	*room += len(s.batches)
	s.batches, s.retries, s.Times = nil, nil, curve.Curve{}
}

// Open reports whether some batch of the shard is not known to have ended.
func (s *Shard) Open() bool {
	if s.Proved || s.Done < s.Sealed {
		return !s.Proved
	}
	for _, r := range s.retries {
		if !r.ended {
			return true
		}
	}
	return false
}

// wroteOff takes in that the batch of that id, without the shard's, is written off.
func (s *Shard) wroteOff(id string, when time.Time) {
	if s.Proved || strings.Contains(id, ".") {
		return
	}
	i, ok := slices.BinarySearchFunc(s.batches, id, func(b batch, id string) int { return strings.Compare(b.id, id) })
	var t ledger.Tally
	switch {
	case ok && s.batches[i].done:
		return
	case ok:
		s.batches[i].done = true
		t = ledger.Tally{Objects: int64(s.batches[i].pending), Bytes: s.batches[i].bytes}
	case s.vague && s.Sealed > 0:
		t = ledger.Tally{Objects: s.ToCopy.Objects / s.Sealed, Bytes: s.ToCopy.Bytes / s.Sealed}
	default:
		return // one of what is to be deleted, or of what is not known yet
	}
	if s.Done++; s.Done > s.Sealed {
		s.Done = s.Sealed
		return
	}
	s.ended.Add(t.Objects, t.Bytes)
	s.Times.Add(when.Unix(), 1, curve.Point{Objects: t.Objects, Bytes: t.Bytes})
}

// advance moves behind to where the write-offs are to be listed from.
func (s *Shard) advance() {
	if len(s.retries) > 0 || s.vague {
		s.behind = ""
		return
	}
	for _, b := range s.batches {
		if !b.done {
			return
		}
		s.behind = b.id
	}
}

// Left is what of the shard did not end.
func (s *Shard) Left() ledger.Tally {
	if s.Proved {
		return ledger.Tally{}
	}
	t := ledger.Tally{Objects: s.ToCopy.Objects - s.ended.Objects, Bytes: s.ToCopy.Bytes - s.ended.Bytes}
	for _, r := range s.retries {
		t.Add(r.left.Objects, r.left.Bytes)
	}
	return t
}
