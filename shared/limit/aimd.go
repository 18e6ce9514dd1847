package limit

import (
	"context"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/limit/window"
)

// AIMD bounds how many objects are in flight by what the services bear: the
// number of slots halves when a service answers that it is asked too much, and
// grows by one for each round of successes (additive increase, multiplicative
// decrease, as TCP does), or by a 64th where that is more (as Scalable TCP does, which
// recovers within as many rounds from any number). How many slots there are at
// most is fixed, or a window.Window's to find, which learns of a refusal only where no slots
// are halved: of a service that refuses some requests whatever is in flight each
// refusal would lower it, and nothing raise it. An AIMD is safe for concurrent use.
type AIMD struct {
	parent *AIMD // every slot here is also one there; may be nil

	mu           sync.Mutex
	window       *window.Window // finds most; nil: it is fixed
	limit        int            // most of the window
	most         int            // slots at most
	slots        float64        // slots now, 1 to most
	busy         int            // slots that are held
	halved       time.Time
	blockedUntil time.Time       // by a service's request; no slot is given out before
	returning    int             // calls of Backoff that are to have a slot again
	priority     []chan struct{} // those of them that wait for one, in order; closed when there is one
	waiting      []chan struct{} // calls of Acquire that wait, in the same way
}

// longestBlock bounds how long Throttled blocks all slots. A longer wait is
// left to its caller, who may have the task wait in a queue.
const longestBlock = time.Minute

// NewAIMD returns an AIMD of most slots, each of which is also one of parent; nil: none.
func NewAIMD(most int, parent *AIMD) *AIMD {
	return &AIMD{parent: parent, most: most, slots: float64(most)}
}

// NewAutoAIMD returns an AIMD that finds by itself how many slots are best, up to most.
func NewAutoAIMD(most int, parent *AIMD) *AIMD {
	w := window.New(most, 0)
	g := NewAIMD(w.Size(), parent)
	g.window, g.limit = w, most
	return g
}

// Begin takes in how many slots another AIMD found for the same work. It counts where this
// one has found none.
func (g *AIMD) Begin(known int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.window != nil && g.window.Best() == 0 && known > 0 {
		g.window = window.New(g.limit, known)
		g.follow()
	}
}

// Best is how many slots were found to be best; 0 where none were, or they are fixed.
func (g *AIMD) Best() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.window == nil {
		return 0
	}
	return g.window.Best()
}

// follow takes over what the window says.
func (g *AIMD) follow() {
	now := g.window.Size()
	more := now - g.most
	if g.slots >= float64(g.most) {
		g.slots = float64(now) // nothing is refused
	}
	g.most, g.slots = now, min(g.slots, float64(now))
	for range more {
		g.wakeNext()
	}
}

// Acquire waits for a slot. It fails only if ctx ends first, with its error.
func (g *AIMD) Acquire(ctx context.Context) error { return g.acquire(ctx, false) }

// acquire takes the slot here before the parent's: a call that waits for the
// parent holds up only calls that have the same bound as it.
func (g *AIMD) acquire(ctx context.Context, returns bool) error {
	if err := g.take(ctx, returns); err != nil || g.parent == nil {
		return err
	}
	err := g.parent.acquire(ctx, returns)
	if err != nil {
		g.giveBack()
	}
	return err
}

func (g *AIMD) take(ctx context.Context, returns bool) error {
	if returns {
		g.mu.Lock()
		g.returning++
		g.mu.Unlock()
		defer g.returned()
	}
	for ctx.Err() == nil {
		free, wait := g.tryTake(returns)
		if free == nil {
			return nil
		}
		var unblocked <-chan time.Time
		if wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			unblocked = timer.C
		}
		select {
		case <-ctx.Done():
		case <-free:
			continue
		case <-unblocked:
		}
		g.cancel(free)
	}
	return ctx.Err()
}

// returned counts a call of Backoff that has its slot again, or whose context ended.
func (g *AIMD) returned() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.returning--
	g.wakeNext()
}

// tryTake takes a slot if there is one, and returns nil. If there is none, it
// returns a channel that is closed when there may be one, and, where all slots
// are blocked, for how long. A call of Backoff goes before all calls of Acquire:
// the whole batch ends with its last object.
func (g *AIMD) tryTake(returns bool) (free chan struct{}, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.blockedUntil.IsZero() {
		if wait = time.Until(g.blockedUntil); wait <= 0 {
			g.blockedUntil = time.Time{}
		}
	}
	if wait <= 0 && g.busy < int(g.slots) && (returns || g.returning == 0) {
		g.busy++
		return nil, 0
	}
	free = make(chan struct{})
	if returns {
		g.priority = append(g.priority, free)
	} else {
		g.waiting = append(g.waiting, free)
	}
	return free, max(wait, 0)
}

// cancel ends a wait for a slot. The next one in line is woken: free may have
// been closed meanwhile, and only the canceled call may have known until when
// all slots are blocked.
func (g *AIMD) cancel(free chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range []*[]chan struct{}{&g.priority, &g.waiting} {
		if i := slices.Index(*line, free); i >= 0 {
			*line = slices.Delete(*line, i, i+1)
		}
	}
	g.wakeNext()
}

// Reusable reports whether the holder of a slot may use it for another object.
// If not, it is to release the slot and acquire one anew.
func (g *AIMD) Reusable() bool {
	if g.parent != nil && !g.parent.Reusable() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.blockedUntil.IsZero() && g.busy <= int(g.slots) && g.returning == 0
}

// Release gives a slot back.
func (g *AIMD) Release() {
	if g.parent != nil {
		g.parent.Release()
	}
	g.giveBack()
}

func (g *AIMD) giveBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.wakeNext()
}

// Backoff releases a slot for d and acquires one again, ahead of all calls of
// Acquire. If ctx ends first, it returns its error, and the caller holds a slot
// all the same, one beyond the bound perhaps, and is to release it.
func (g *AIMD) Backoff(ctx context.Context, d time.Duration) error {
	g.Release()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	err := g.acquire(ctx, true)
	if err != nil {
		g.force()
	}
	return err
}

// force takes a slot whether or not there is one.
func (g *AIMD) force() {
	if g.parent != nil {
		g.parent.force()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
}

// Resize sets the number of slots, at most and now, to most.
func (g *AIMD) Resize(most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	more := most - g.most
	g.most, g.slots = most, float64(most)
	for range more {
		g.wakeNext()
	}
}

// Most is how many objects may be begun: with a slot, or while they wait to have it again.
func (g *AIMD) Most() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

// Succeeded takes in that a service served an object that it was asked for at that time.
func (g *AIMD) Succeeded(began time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.window != nil {
		now := time.Now()
		g.window.Ended(now, now.Sub(began), g.busy)
		g.follow()
	}
	if g.slots < float64(g.most) {
		g.slots = min(float64(g.most), g.slots+max(1/g.slots, recovery))
		g.wakeNext()
	}
}

// recovery is how much of a slot comes back with each success, once slots were halved.
const recovery = 1. / 64

// Throttled takes in that a service refused, for load, a request that began at
// that time, and for how long it asked that none begin (0: it did not say).
// Requests that began before the number of slots was last halved do not halve
// it again: the answers to all that was in flight together halve it once.
func (g *AIMD) Throttled(began time.Time, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !began.Before(g.halved) {
		if g.window != nil && g.slots >= float64(g.most) { // else the window's number is not what was refused
			g.window.Throttled(g.most)
			g.follow()
		}
		g.slots = max(1, g.slots/2)
		g.halved = now
	}
	if until := now.Add(min(wait, longestBlock)); wait > 0 && until.After(g.blockedUntil) {
		g.blockedUntil = until
	}
}

// wakeNext lets the call that has waited longest try again if a slot is free.
// If all of them were woken, all but one would find none, at every slot that is
// given back.
func (g *AIMD) wakeNext() {
	line := &g.priority
	if len(*line) == 0 {
		line = &g.waiting
	}
	if len(*line) > 0 && g.busy < int(g.slots) {
		close((*line)[0])
		*line = slices.Delete(*line, 0, 1)
	}
}
