package limit

import (
	"context"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/live"
)

const (
	// PassAfter is when a task is to come again of a process that may not copy. It
	// holds the task for holdFor before: as long as it is busy with that, a
	// platform brings those that follow to processes that may copy.
	PassAfter = time.Second
	holdFor   = time.Second
	// lookEvery is how often Excess looks. It is no part of checkEvery: a task that is
	// passed on does not end as the ledger begins to be read for it.
	lookEvery = 4 * checkEvery / 5
)

// place is whether a process has a place among those that may copy, as it found
// out last. The zero value has none and waits for none.
type place struct {
	held   bool // there was a place for every process that copied
	waits  bool // other processes have all places: this one waits for one
	denied bool // the process may not copy now
}

// update takes in which processes copy, in the order in which they began, of
// which most may (0: any number). me is this process, and stale that the others
// may have forgotten it as one that copies.
func (p *place) update(copying []live.Sign, me live.Sign, most int, stale bool) {
	at := slices.IndexFunc(copying, func(other live.Sign) bool { return other.Process == me.Process })
	if at < 0 {
		at = len(copying)
	}
	p.waits = most > 0 && at >= most
	if me.Copies {
		p.held = p.held && !stale || most == 0 || len(copying) <= most
	}
}

// maxCopying is how many processes may copy at the same time; 0: any number. More
// than there are streams that the bandwidth feeds would starve one another.
func (s *Share) maxCopying(now time.Time) int {
	n, total := s.bounds.Instances, s.bounds.Bandwidth.At(now)
	if fed := int(max(1, total/s.minStream)); total > 0 && (n == 0 || fed < n) {
		return fed
	}
	return n
}

// Excess reports whether this process is one more than may copy: it is to pass a
// task that copies on, after PassAfter. Excess waits up to holdFor for a place,
// and up to newProcessTime where processes that began at the same time do not yet
// know of this one.
func (s *Share) Excess(ctx context.Context) bool {
	for began := time.Now(); ; {
		s.mu.Lock()
		denied, most := s.place.denied, newProcessTime
		if s.place.waits {
			most = holdFor
		}
		s.mu.Unlock()
		if !denied || time.Since(began) > most {
			return denied
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return denied
		}
	}
}

// freePlace frees this process's place where it has nothing to copy and another
// process waits for one.
func (s *Share) freePlace(ctx context.Context) {
	if !s.hasIdlePlace() || s.reading.Acquire(ctx, 1) != nil {
		return
	}
	defer s.reading.Release(1)
	if !s.hasIdlePlace() {
		return
	}
	if err := s.stopCopying(ctx); err != nil && ctx.Err() == nil {
		s.log.DebugContext(ctx, "place not given up, it is free in seconds", "fault", fault.KindOf(err), "err", err)
	}
}

// hasIdlePlace reports whether this process has a place, for which another one
// waits, and no task that copies.
func (s *Share) hasIdlePlace() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers.waiting && s.copyTasks == 0 && !s.peers.lastCopyHeartbeat.IsZero()
}

// stopCopying frees this process's place.
func (s *Share) stopCopying(ctx context.Context) error {
	s.mu.Lock()
	s.peers.lastCopyHeartbeat, s.place.held = time.Time{}, false
	s.mu.Unlock()
	return live.StopCopying(ctx, s.run.Folder(), live.Sign{Process: s.process, Since: s.since})
}
