package limit

import "time"

// What may bound how fast a process copies.
const (
	ByWindow    = "window"    // as many objects are in flight as are best
	ByParallel  = "parallel"  // as many as the job's limits.parallel
	ByCapacity  = "capacity"  // as many as the process holds
	ByThrottle  = "throttle"  // a service asked to slow down
	ByBandwidth = "bandwidth" // the job's limits, or those of ferry limits
	ByRequests  = "requests"
	ByInstances = "instances"
	ByTasks     = "tasks" // fewer objects are to be copied than may be in flight
)

// Binds says what bounds how many objects are in flight, and how many may be.
func (g *AIMD) Binds() (by string, inFlight int) {
	if g.parent != nil {
		if by, n := g.parent.Binds(); by == ByThrottle {
			return by, n
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	inFlight = int(g.slots)
	switch {
	case g.slots < 0.9*float64(g.most) || time.Now().Before(g.blockedUntil):
		return ByThrottle, inFlight
	case g.busy < g.most-g.most/4 && len(g.waiting) == 0:
		return ByTasks, inFlight
	case g.window == nil:
		return ByParallel, inFlight
	case g.most >= g.limit:
		return ByCapacity, inFlight
	}
	return ByWindow, inFlight
}

// Binds says which bound of the run keeps this process from more; "" where none does.
// A rate does where calls have waited for it longer, all together, than half of the time since
// Binds was called last.
func (s *Share) Binds() string {
	bytes, requests := s.bytes.waited.Swap(0), s.requests.waited.Swap(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	since := now.Sub(s.bindsAt)
	first := s.bindsAt.IsZero()
	s.bindsAt = now
	switch {
	case s.place.waits:
		return ByInstances
	case first || time.Duration(max(bytes, requests)) < since/2:
		return ""
	case bytes >= requests:
		return ByBandwidth
	}
	return ByRequests
}
