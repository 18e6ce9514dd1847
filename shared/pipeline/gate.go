package pipeline

import (
	"context"
	"sync"
	"time"
)

// gate bounds how many objects are in flight in this process by what the
// services bear: it halves when one says that it is asked too much, and opens
// again by one for each round of successes (additive increase, multiplicative
// decrease, as TCP does). It is safe for concurrent use.
type gate struct {
	now  func() time.Time
	most int // never more in flight

	mu      sync.Mutex
	room    float64 // 1 to most
	busy    int
	halved  time.Time     // what began before it tells nothing new of it
	until   time.Time     // a service asked that nothing begin before
	changed chan struct{} // closed, and replaced, when somebody may pass
}

// longestPause bounds how long a service can close the gate: a longer wait is
// left to whoever was told, who may wait in a queue.
const longestPause = time.Minute

func newGate(most int, now func() time.Time) *gate {
	return &gate{now: now, most: most, room: float64(most), changed: make(chan struct{})}
}

// Acquire waits for a place, and fails only if ctx ends first.
func (g *gate) Acquire(ctx context.Context) error {
	for ctx.Err() == nil {
		changed, wait, ok := g.enter()
		if ok {
			return nil
		}
		var ring <-chan time.Time
		if wait > 0 {
			alarm := time.NewTimer(wait)
			defer alarm.Stop()
			ring = alarm.C
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-ring:
		}
	}
	return ctx.Err()
}

// enter takes a place if there is one. If not, it says what to wait for.
func (g *gate) enter() (changed <-chan struct{}, wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.until.IsZero() {
		if wait = g.until.Sub(g.now()); wait > 0 {
			return g.changed, wait, false
		}
		g.until = time.Time{}
	}
	if g.busy >= int(g.room) {
		return g.changed, 0, false
	}
	g.busy++
	return nil, 0, true
}

// Release gives a place back.
func (g *gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.wake()
}

// Rest leaves the place to others for d and comes back to it. If ctx ends
// first, the place is taken without asking, so that it can be released.
func (g *gate) Rest(ctx context.Context, d time.Duration) error {
	g.Release()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	err := g.Acquire(ctx)
	if err != nil {
		g.mu.Lock()
		g.busy++
		g.mu.Unlock()
	}
	return err
}

// Succeeded takes in that an object was served.
func (g *gate) Succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.room < float64(g.most) {
		g.room = min(float64(g.most), g.room+1/g.room)
		g.wake()
	}
}

// Throttled takes in that a service refused for load what began then, and for
// how long it asked to be left alone (0: not said). Many answers to what was in
// flight together halve once.
func (g *gate) Throttled(began time.Time, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if !began.Before(g.halved) {
		g.room = max(1, g.room/2)
		g.halved = now
	}
	if until := now.Add(min(wait, longestPause)); wait > 0 && until.After(g.until) {
		g.until = until
	}
}

func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}
