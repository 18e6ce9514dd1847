package limit

import (
	"context"
	"maps"
	"slices"
	"time"

	"kodoferry/shared/ledger/live"
)

const (
	// heartbeatEvery is how often, where anything is bounded, a process at work
	// writes a heartbeat and lists those of others: two requests.
	heartbeatEvery = 2 * time.Second
	// newProcessLeast is how often at most a new process does, for newProcessTime: it
	// begins together with others, or after them, and takes little while they do
	// not know of it.
	newProcessLeast = time.Second / 4
	newProcessTime  = 3 * time.Second
	// perProcess is what each of many processes adds to these intervals: a
	// thousand that begin together do not overload the ledger.
	perProcess = 10 * time.Millisecond
)

// heartbeatInterval is how often each of n processes writes a heartbeat.
func heartbeatInterval(n int) time.Duration {
	return max(heartbeatEvery, time.Duration(n)*perProcess)
}

// newProcessRefresh is how often a process does while it is new, one of n.
func newProcessRefresh(n int) time.Duration {
	return max(newProcessLeast, time.Duration(n)*perProcess)
}

// listsWithin is within what time of any moment one of n processes lists the
// heartbeats: it has written one by then, whose time the store has to the second.
func listsWithin(n int) time.Duration { return heartbeatInterval(n) + 2*time.Second }

// shareFor is for how long after its last heartbeat one of n processes has its
// share. By then one is overdue at least: the process has died, or has no task,
// and the others take what was its.
func shareFor(n int) time.Duration { return listsWithin(n) + heartbeatInterval(n) }

// peers is which processes are at work on a run, as one of them has listed them,
// and whether they know of it. The zero value has listed none.
type peers struct {
	lastHeartbeat     time.Time // of this process, when it did not wait for a place, by its clock
	lastCopyHeartbeat time.Time // of this process, when it copied, by its clock; zero: none that counts
	firstHeartbeat    heartbeat // of this process, since the others may have forgotten it
	known             bool      // to all others, who thus leave this process its share

	listed  int         // processes, those that wait for a place included
	sharing []live.Sign // those with a heartbeat young enough for a share, this process included
	copying []live.Sign // those of sharing that copy
	waiting bool        // any of those listed waits for a place
}

// heartbeat is when one was written.
type heartbeat struct {
	at   time.Time // by the clock of the process
	seen time.Time // by the store's
}

// mayForget reports whether some others, without a heartbeat since last, may not
// count this process any more, or soon will not.
func (p *peers) mayForget(now, last time.Time) bool { return now.Sub(last) > listsWithin(p.listed) }

// update takes in all heartbeats, that of this process, me, included. The others
// know of this process once each has written one after the first of this
// process: it lists all of them when it does.
func (p *peers) update(all []live.Sign, me live.Sign, now time.Time) {
	if !me.Waits && p.mayForget(now, p.lastHeartbeat) || me.Copies && p.mayForget(now, p.lastCopyHeartbeat) {
		p.firstHeartbeat = heartbeat{at: now}
		for _, other := range all {
			if other.Process == me.Process {
				p.firstHeartbeat.seen = other.Seen
			}
		}
	}
	if !me.Waits {
		p.lastHeartbeat = now
	}
	if me.Copies {
		p.lastCopyHeartbeat = now
	}
	p.listed = len(all)
	p.waiting = slices.ContainsFunc(all, func(p live.Sign) bool { return p.Waits })
	p.sharing, p.copying = withShare(all)
	p.known = !slices.ContainsFunc(p.sharing, func(other live.Sign) bool {
		return other.Process != me.Process && !other.Seen.After(p.firstHeartbeat.seen) && newest(all).Sub(other.Seen) <= listsWithin(p.listed)
	})
}

// interval is when this process writes its next heartbeat.
func (p *peers) interval(now time.Time, waits bool) time.Duration {
	switch {
	case waits:
		return heartbeatInterval(p.listed) / 2
	case now.Sub(p.firstHeartbeat.at) < newProcessTime:
		return newProcessRefresh(p.listed)
	}
	return heartbeatInterval(p.listed)
}

// withShare returns those of all processes whose last heartbeat is young enough
// for a share, and those of them whose last heartbeat that says that they copy is.
func withShare(all []live.Sign) (sharing, copying []live.Sign) {
	since := newest(all).Add(-shareFor(len(all)))
	for _, p := range all {
		if p.Waits || p.Seen.Before(since) {
			continue
		}
		sharing = append(sharing, p)
		if !p.Copied.Before(since) {
			copying = append(copying, p)
		}
	}
	return sharing, copying
}

// newest is when the last heartbeat was written, by the store's clock.
func newest(all []live.Sign) (at time.Time) {
	for _, p := range all {
		if p.Seen.After(at) {
			at = p.Seen
		}
	}
	return at
}

// updatePeers writes a heartbeat and lists those of all processes. A process
// that is to copy lists them first where not all may copy, and waits for a place
// where as many do as may. All write before they list, so of two processes that
// take the last place at the same time one at least finds the other, and the one
// that began later frees it.
func (s *Share) updatePeers(ctx context.Context, now time.Time, copies, others bool) error {
	for listed := false; ; listed = true {
		leaving := s.place.held && s.Streams.inUse()
		waits := copies && !leaving && (s.place.waits || !listed && s.maxCopying(now) > 0 && s.peers.mayForget(now, s.peers.lastCopyHeartbeat))
		me := live.Sign{Process: s.process, Since: s.since, Copies: copies && !waits, Waits: waits && !others}
		if err := live.WriteSign(ctx, s.run.Folder(), me, now); err != nil {
			return err
		}
		s.mu.Lock()
		s.heartbeats[me] = true
		s.mu.Unlock()
		all, err := live.ReadSigns(ctx, s.run.Folder(), time.Time{})
		if err != nil {
			return err
		}
		s.takeIn(all, me, now)
		switch {
		case me.Copies && s.place.waits && !leaving:
			return s.stopCopying(ctx)
		case !waits || s.place.waits:
			return nil
		}
	}
}

// takeIn takes in all heartbeats, that of this process, me, included.
func (s *Share) takeIn(all []live.Sign, me live.Sign, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := s.peers.lastCopyHeartbeat
	s.peers.update(all, me, now)
	s.place.update(s.peers.copying, me, s.maxCopying(now), s.peers.mayForget(now, copied))
	s.refreshAt = now.Add(s.peers.interval(now, s.place.waits))
	if s.rereadAt.After(now) && s.rereadAt.Before(s.refreshAt) {
		s.refreshAt = s.rereadAt
	}
}

// Leave takes back the heartbeats of this process, so that the others need not
// wait until they are old. It stops at the first that the ledger does not take.
func (s *Share) Leave(ctx context.Context) error {
	s.mu.Lock()
	written := slices.Collect(maps.Keys(s.heartbeats))
	s.mu.Unlock()
	for _, h := range written {
		if err := live.EmptySign(ctx, s.run.Folder(), h); err != nil {
			return err
		}
	}
	return nil
}
