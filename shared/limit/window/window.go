// Package window finds how many objects are to be in flight, by how soon they are
// served. It has no clock and no slots: who gives out slots tells it what ended, and
// asks for Size.
//
// The law is BBR's (N. Cardwell, Y. Cheng, C. S. Gunn, S. H. Yeganeh, V. Jacobson: "BBR:
// Congestion-Based Congestion Control", ACM Queue 14(5), 2016), with objects in place of
// bytes. What is in flight is to be the rate of the bottleneck times the time that an
// object takes where none waits: with less the bottleneck idles, with more each object
// waits. The first is seen where more is in flight than that, the second where less is,
// so a Window tries both in turn. It begins as BBR does: it doubles until that brings
// less than a quarter more, three rounds long, and doubles again where a cycle shows that
// half as much again would be served. It doubles as TCP does in its slow start, by one more for
// each object that ends, so that a doubling takes no longer than an object does.
//
// Three things differ, because objects do, by six orders of magnitude, where packets are
// alike:
//
//   - Rates are of rounds, of as many objects as may be in flight or more, and so are times,
//     by Little's law: what was in flight over the rate. The laws that hold each time against the
//     shortest one (TCP Vegas; the gradients of Netflix's concurrency-limits) take a
//     large object for one that waited, and shrink to nothing.
//   - Both are of one cycle. The highest rate times the shortest time is never less than what
//     was in flight in the shortest round: whatever noise there is, one cycle takes about
//     half away, and that alone where fewer were as fast.
//   - The aim is gain times that product. Without it a Window would stay where a tenth
//     more in flight brings half a tenth more objects a second, which is far from all that
//     a service gives whose rate bends slowly. Where even fewer fill the pipe, the next
//     round has fewer yet, so that it shrinks in a few rounds all the same.
package window

import (
	"math"
	"time"
)

const (
	// First is how many objects are in flight where nothing is known.
	First = 32
	// least is how few a Window comes to; most may be fewer.
	least = 4

	// A round has as many objects as may be in flight, and more where their times differ:
	// until the standard error of their mean is a tenth of it, a fifth in startup, or they are
	// mostObjects, a quarter of them in startup.
	// In a cycle it has trips times as many: where all take the same time they end together, and
	// a round has one such burst more or less.
	leastObjects = 32
	trips        = 2
	leastError   = 0.1
	mostObjects  = 1024
	leastTime    = 100 * time.Millisecond // pauses of the collector are as long as shorter rounds; but for one that brought clearGrowth

	// Startup, as BBR's: the pipe is full once fullRounds rounds brought less than fullGrowth.
	fullGrowth  = 1.25
	fullRounds  = 3
	clearGrowth = 1.5 // also after the first round, which is slower by the time that the pipe took to fill
	// startAgain is how many times its base a cycle aims at where another startup follows.
	startAgain = 1.5

	// A cycle has one round with more in flight than its base, one with fewer, and the rest
	// at its base. The aim is gain times what fills the pipe.
	gain      = 1.35
	up        = 1.25
	down      = 0.7
	cycle     = 6
	longest   = 24  // rounds of a cycle after several that changed the base by less than changed
	changed   = 0.1 // a part of it
	mostSteps = 2   // times by which one cycle changes the base at most

	// The round with fewer is followed by one with fewer yet, twice at most, where it is as
	// fast as any before. same is above gain times down: what a cycle aims at does not look so.
	same       = 0.97
	mostShrink = 2

	// A round counts in which less than one in so many objects ended beside an idle slot. Of
	// spare slots one may be free: it is between two objects.
	idlePart, spare = 10, 16
)

// Window is how many objects may be in flight. It is not safe for concurrent use.
type Window struct {
	most    int
	size    int     // objects that may be in flight now
	base    float64 // the middle of the cycle
	started bool    // startup was over once
	grows   bool    // startup, the first or another, is under way
	to      int     // what size grows to in a round of startup, from base
	step    int     // rounds of the cycle that were measured; in startup those without growth
	steps   int     // rounds of the cycle
	rounds  int     // that were measured, of all

	fastest  float64 // objects a second: the highest rate of a round of the cycle
	shortest float64 // seconds: the shortest time that an object took in one, by Little's law

	shrunk int // rounds of the cycle that were as fast with fewer
	skip   int // objects that are to end before the round begins: they began at another size
	round  round
}

// round is what ended since then.
type round struct {
	since  time.Time
	n      int     // objects
	idle   int     // of them, those that ended while fewer were in flight than might be
	took   float64 // seconds, of all
	spread float64 // the squares of those
}

// enough reports whether the round has as many objects as it takes, with so many in flight.
func (r *round) enough(size int, startup bool) bool {
	off, most := leastError, mostObjects
	if startup {
		off, most = 2*off, most/4
	}
	least := size
	if !startup {
		least *= trips
	}
	if r.n < max(leastObjects, least) {
		return false
	}
	n := float64(r.n)
	mean := r.took / n
	return r.n >= most || r.spread/n-mean*mean <= n*math.Pow(off*mean, 2)
}

// New returns a Window of at most most objects. Where known is above 0, another found that
// number before.
func New(most, known int) *Window {
	w := &Window{most: max(1, most), grows: true, steps: cycle, shortest: math.Inf(1)}
	w.size = w.within(First)
	if known > 0 {
		w.started, w.grows, w.size = true, false, w.within(float64(known))
	}
	w.base, w.skip = float64(w.size), w.size
	if w.grows {
		w.double()
	}
	return w
}

// Size is how many objects may be in flight: 1 to most.
func (w *Window) Size() int { return w.size }

// Best is the number that was found to be best; 0 as long as none is.
func (w *Window) Best() int {
	if !w.started {
		return 0
	}
	return int(w.base)
}

// Ended takes in that at that time an object was served that took so long, and how many were
// in flight, with it.
func (w *Window) Ended(now time.Time, took time.Duration, inFlight int) {
	if w.round.since.IsZero() {
		w.round.since = now.Add(-took)
	}
	if w.skip > 0 {
		if w.skip--; w.skip == 0 {
			w.round = round{since: now}
		}
		return
	}
	r := &w.round
	r.n++
	r.took += took.Seconds()
	r.spread += took.Seconds() * took.Seconds()
	all := w.size
	if w.grows { // what is added meanwhile is not taken yet
		all = int(w.base)
	}
	if inFlight < all-all/spare {
		r.idle++
	} else if w.grows && w.size < w.to {
		w.size++
	}
	lasted := now.Sub(r.since)
	if !r.enough(all, w.grows) {
		return
	}
	rate := float64(r.n) / lasted.Seconds()
	if lasted < leastTime && !(w.grows && rate >= clearGrowth*w.fastest) {
		return
	}
	over := *r
	w.round = round{since: now}
	if over.idle*idlePart < over.n { // else there was less to do, which tells nothing
		w.measured(rate)
	}
}

// measured takes in the rate of a round.
func (w *Window) measured(rate float64) {
	growth := fullGrowth
	if w.rounds == 1 {
		growth = clearGrowth
	}
	w.rounds++
	grew := rate >= growth*w.fastest
	fills := rate > same*w.fastest && w.size > least // so few fill the pipe, if more were in flight before
	inFlight := w.size
	if w.grows {
		inFlight = int(w.base)
	}
	w.fastest, w.shortest = max(w.fastest, rate), min(w.shortest, float64(inFlight)/rate)
	w.step++
	switch {
	case !w.grows && w.step > cycle && rate*fullGrowth < w.fastest:
		w.steps = cycle // what was seen before is over
		w.begin(w.base, 0)
	case !w.grows && w.step == 2 && fills && w.shrunk < mostShrink:
		w.step = 1
		w.shrunk++
		w.base = float64(w.size)
		w.resize(w.base * down)
	case !w.grows && w.step < w.steps:
		w.resize(w.base * factor(w.step))
	case !w.grows:
		w.aim()
	case grew && w.size < w.most:
		w.double()
	case inFlight == w.most, w.step == fullRounds:
		w.started, w.grows = true, false
		w.base = float64(w.size)
		w.aim()
	default: // no more until these have shown what they bring
		w.base, w.to = float64(w.size), w.size
	}
}

// double begins a round of startup: from now on one more may be in flight for each that ends,
// until they are twice as many.
func (w *Window) double() {
	w.step, w.skip = 0, 0
	w.base, w.to = float64(w.size), w.within(2*float64(w.size))
}

// factor is how many times the base is in flight in a round of a cycle.
func factor(step int) float64 {
	switch step {
	case 0:
		return up
	case 1:
		return down
	}
	return 1
}

// aim begins a cycle around what the one before has shown.
func (w *Window) aim() {
	to := gain * w.fastest * w.shortest
	if to > startAgain*w.base && w.size < w.most {
		w.grows = true
		w.double()
		return
	}
	to = float64(w.within(min(max(to, w.base/mostSteps), w.base*mostSteps)))
	if w.shrunk > 0 || math.Abs(to-w.base) > changed*w.base {
		w.steps = cycle
	} else {
		w.steps = min(2*w.steps, longest)
	}
	w.begin(to, 0)
}

// begin begins a cycle around base, with that step.
func (w *Window) begin(base float64, step int) {
	w.base = float64(w.within(base))
	w.step, w.shrunk, w.fastest, w.shortest = step, 0, 0, math.Inf(1)
	w.resize(w.base * factor(step))
}

// resize sets the size. The objects in flight then tell nothing of it.
func (w *Window) resize(size float64) {
	if to := w.within(size); to != w.size {
		w.skip, w.size = w.size, to
	}
}

func (w *Window) within(size float64) int {
	return int(min(max(size, least), float64(w.most)))
}

// Throttled takes in that a service refused a request for load, when so many objects were
// in flight. No more than those are the base then, and no more are tried for a cycle.
func (w *Window) Throttled(inFlight int) {
	w.started, w.grows = true, false
	w.begin(min(w.base, float64(inFlight)), 2)
}
