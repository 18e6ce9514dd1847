package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gate bounds how many objects are in flight in this process by what the
// services bear: it halves when one says that it is asked too much, and opens
// again by one for each round of successes (additive increase, multiplicative
// decrease, as TCP does). It is safe for concurrent use.
type gate struct {
	now    func() time.Time
	within *gate // who has a place here has one there, too; may be nil

	mu      sync.Mutex
	most    int     // never more in flight
	room    float64 // 1 to most
	busy    int
	halved  time.Time       // what began before it tells nothing new of it
	until   time.Time       // a service asked that nothing begin before
	rested  int             // how many come back from a rest
	first   []chan struct{} // those of them who wait for a place, in order; closed when there is one
	waiting []chan struct{} // the others
}

// longestPause bounds how long a service can close the gate: a longer wait is
// left to whoever was told, who may wait in a queue.
const longestPause = time.Minute

func newGate(most int, now func() time.Time) *gate {
	return &gate{now: now, most: most, room: float64(most)}
}

// Acquire waits for a place, and fails only if ctx ends first.
func (g *gate) Acquire(ctx context.Context) error { return g.acquire(ctx, false) }

// acquire takes the place here first: who waits within holds up only those who
// have the same bound as it.
func (g *gate) acquire(ctx context.Context, rested bool) error {
	if err := g.take(ctx, rested); err != nil || g.within == nil {
		return err
	}
	err := g.within.acquire(ctx, rested)
	if err != nil {
		g.leaveOne()
	}
	return err
}

func (g *gate) take(ctx context.Context, rested bool) error {
	if rested {
		g.mu.Lock()
		g.rested++
		g.mu.Unlock()
		defer g.up()
	}
	for ctx.Err() == nil {
		turn, wait := g.enter(rested)
		if turn == nil {
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
		case <-turn:
			continue
		case <-ring:
		}
		g.leave(turn)
	}
	return ctx.Err()
}

// up notes that one of those who rested has its place, or wants none any more.
func (g *gate) up() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rested--
	g.wake()
}

// enter takes a place if there is one. If not, it says what to wait for: a turn,
// and where nothing may begin for a while, how long. Who comes back from a rest
// waits for nobody: its batch would wait for all the others.
func (g *gate) enter(rested bool) (turn chan struct{}, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.until.IsZero() {
		if wait = g.until.Sub(g.now()); wait <= 0 {
			g.until = time.Time{}
		}
	}
	if wait <= 0 && g.busy < int(g.room) && (rested || g.rested == 0) {
		g.busy++
		return nil, 0
	}
	turn = make(chan struct{})
	if rested {
		g.first = append(g.first, turn)
	} else {
		g.waiting = append(g.waiting, turn)
	}
	return turn, max(wait, 0)
}

// leave takes back that somebody waits, and passes on a turn that had come
// meanwhile, or would have: perhaps nobody else knows how long to wait.
func (g *gate) leave(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range []*[]chan struct{}{&g.first, &g.waiting} {
		if i := slices.Index(*line, turn); i >= 0 {
			*line = slices.Delete(*line, i, i+1)
		}
	}
	g.wake()
}

// Keep reports whether who has a place may go on with something else in it.
func (g *gate) Keep() bool {
	if g.within != nil && !g.within.Keep() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until.IsZero() && g.busy <= int(g.room) && g.rested == 0
}

// Release gives a place back.
func (g *gate) Release() {
	if g.within != nil {
		g.within.Release()
	}
	g.leaveOne()
}

func (g *gate) leaveOne() {
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
	err := g.acquire(ctx, true)
	if err != nil {
		g.intrude()
	}
	return err
}

// intrude takes a place without asking.
func (g *gate) intrude() {
	if g.within != nil {
		g.within.intrude()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
}

// resize lets most be in flight, whatever the services bore before.
func (g *gate) resize(most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	more := most - g.most
	g.most, g.room = most, float64(most)
	for range more {
		g.wake()
	}
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

// wake lets who waits longest look again, as there is a place. All of them
// would look for one and find none, at every place that is given back.
func (g *gate) wake() {
	line := &g.first
	if len(*line) == 0 {
		line = &g.waiting
	}
	if len(*line) > 0 && g.busy < int(g.room) {
		close((*line)[0])
		*line = slices.Delete(*line, 0, 1)
	}
}
