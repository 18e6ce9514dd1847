package overview

import (
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger"
)

// shard is what is known of a shard.
type shard struct {
	name   string // never changes
	ref    ledger.ShardRef
	known  bool // some record names it: ref is right
	size   int64
	closed bool // its closing is there
	read   bool // what its closing says is known
	proved bool // its verification is there
	seen   bool // and was read

	listed, excluded, toCopy ledger.Tally
	sealed                   int64 // batches that hold something to copy
	failed                   string
	children                 []string

	// While it is not verified:
	batches   []batch // those to be copied, by id
	vague     bool    // there are too many in all: what ended is derived from how many did
	ended     ledger.Tally
	done      int64 // batches
	retries   map[string]*retry
	behind    string    // the id up to which all batches are known to have ended
	lookedAt  time.Time // when its write-offs were listed last
	times     curve     // of these
	stretches int       // of those that are read while it is being listed

	// Once it is verified:
	counts   ledger.Counts
	provedAt time.Time
	unproved string // why it was given up
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
func (s *shard) take(all []ledger.BatchRef, room *int) {
	if s.vague = s.vague || len(all) > *room; s.vague {
		*room += len(s.batches)
		s.batches = nil
	}
	for _, b := range all {
		if b.Pending == 0 {
			continue
		}
		s.sealed++
		s.toCopy.Add(int64(b.Pending), b.Bytes)
		if s.vague {
			continue
		}
		*room--
		s.batches = append(s.batches, batch{strings.TrimPrefix(b.ID, s.name+"-"), b.Bytes, int32(b.Pending), false})
	}
	slices.SortFunc(s.batches, func(a, b batch) int { return strings.Compare(a.id, b.id) })
}

// forget drops what is of no use once the shard is verified.
func (s *shard) forget(room *int) {
	*room += len(s.batches)
	s.batches, s.retries, s.times = nil, nil, curve{}
}

// open reports whether some batch of the shard is not known to have ended.
func (s *shard) open() bool {
	if s.proved || s.done < s.sealed {
		return !s.proved
	}
	for _, r := range s.retries {
		if !r.ended {
			return true
		}
	}
	return false
}

// wroteOff takes in that the batch of that id, without the shard's, is written off.
func (s *shard) wroteOff(id string, when time.Time) {
	if s.proved || strings.Contains(id, ".") {
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
	case s.vague && s.sealed > 0:
		t = ledger.Tally{Objects: s.toCopy.Objects / s.sealed, Bytes: s.toCopy.Bytes / s.sealed}
	default:
		return // one of what is to be deleted, or of what is not known yet
	}
	if s.done++; s.done > s.sealed {
		s.done = s.sealed
		return
	}
	s.ended.Add(t.Objects, t.Bytes)
	s.times.add(when.Unix(), 1, point{objects: t.Objects, bytes: t.Bytes})
}

// advance moves behind to where the write-offs are to be listed from.
func (s *shard) advance() {
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

// left is what of the shard did not end.
func (s *shard) left() ledger.Tally {
	if s.proved {
		return ledger.Tally{}
	}
	t := ledger.Tally{Objects: s.toCopy.Objects - s.ended.Objects, Bytes: s.toCopy.Bytes - s.ended.Bytes}
	for _, r := range s.retries {
		t.Add(r.left.Objects, r.left.Bytes)
	}
	return t
}
