package window_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kodoferry/shared/limit/window"
)

// world is a service and who keeps it busy, on a clock of its own. The service takes one
// object after the other, each for 1/capacity seconds, and answers after a latency.
type world struct {
	capacity float64             // objects a second
	latency  func(n int) float64 // seconds, with n in flight
	window   *window.Window
	work     int // objects that there are to do at the same time; 0: any number

	now    float64 // seconds
	busy   float64 // until when the service is
	flight inFlight
	served int
	peak   int // the most that was in flight
	lowest int // the smallest Size
}

type object struct{ began, ends float64 }

type inFlight []object

func (f inFlight) Len() int           { return len(f) }
func (f inFlight) Less(i, j int) bool { return f[i].ends < f[j].ends }
func (f inFlight) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *inFlight) Push(x any)        { *f = append(*f, x.(object)) }
func (f *inFlight) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// run goes on for so many seconds, and returns how many objects were served in one.
func (w *world) run(seconds float64) float64 {
	until, before := w.now+seconds, w.served
	w.lowest = w.window.Size()
	for {
		for size := w.window.Size(); len(w.flight) < size && (w.work == 0 || len(w.flight) < w.work); {
			w.busy = max(w.busy, w.now) + 1/w.capacity
			heap.Push(&w.flight, object{w.now, w.busy + w.latency(len(w.flight))})
		}
		w.peak, w.lowest = max(w.peak, len(w.flight)), min(w.lowest, w.window.Size())
		if w.flight[0].ends > until {
			w.now = until
			return float64(w.served-before) / seconds
		}
		flying := len(w.flight)
		o := heap.Pop(&w.flight).(object)
		w.now = o.ends
		w.served++
		w.window.Ended(time.Unix(0, int64(w.now*1e9)), time.Duration((o.ends-o.began)*1e9), flying)
	}
}

// noise is how latencies spread around their mean.
type noise struct {
	name string
	of   func(r *rand.Rand) float64
	wide bool // the standard deviation is above the mean
}

func spread(r *rand.Rand) float64 { return 0.3 + 0.7*r.ExpFloat64() }

var noises = []noise{
	{name: "none", of: func(*rand.Rand) float64 { return 1 }},
	{name: "as of a network", of: spread},
	{name: "one in ten is ten times", wide: true, of: func(r *rand.Rand) float64 {
		if r.IntN(10) == 0 {
			return spread(r) * 10 / 1.9
		}
		return spread(r) / 1.9
	}},
	{name: "of many sizes", wide: true, of: func(r *rand.Rand) float64 { // up to 256 times the smallest
		size := spread(r) / 6.5536
		for range 4 {
			if r.IntN(5) == 0 {
				size *= 4
			}
		}
		return size
	}},
}

// latency returns latencies around a mean.
func (n noise) latency(seconds float64) func(int) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	return func(int) float64 { return seconds * n.of(r) }
}

const most = 512

// TestItFindsWhatTheServiceGives: within 60 round trips, 200 where sizes differ widely, nine
// tenths (eight, there) of the best that any number in flight would bring, and for the 60
// after them.
func TestItFindsWhatTheServiceGives(t *testing.T) {
	for _, s := range []struct{ latency, capacity float64 }{
		{0.1, 1e6}, {0.1, 2560}, {0.1, 320}, {0.06, 4000}, {0.01, 5000}, {0.5, 400}, {0.5, 100}, {2, 40}, {0.005, 400},
	} {
		for _, n := range noises {
			t.Run(fmt.Sprintf("%gs,%g/s,%s", s.latency, s.capacity, n.name), func(t *testing.T) {
				w := &world{capacity: s.capacity, window: window.New(most, 0), latency: n.latency(s.latency)}
				rounds, part := 60.0, 0.9
				if n.wide {
					rounds, part = 200, 0.8
				}
				roundTrip := max(s.latency, 0.1) // a round lasts as long at least
				w.run(rounds * roundTrip)
				best := min(s.capacity, most/s.latency)
				if got := w.run(60 * roundTrip); got < part*best {
					t.Errorf("%.0f objects/s of %.0f, %d in flight", got, best, w.window.Size())
				}
				if w.peak > most {
					t.Errorf("%d were in flight of %d", w.peak, most)
				}
				if filled := s.capacity * s.latency; n.name == "none" && filled > window.First && float64(w.window.Size()) > 2*filled {
					t.Errorf("%d are in flight where %.0f fill the pipe", w.window.Size(), filled)
				}
			})
		}
	}
}

// TestItFindsThePlaceWhereTheRateBends: each object slows all others, so that no number
// fills the pipe; and where many take more than they bring, it stays below.
func TestItFindsThePlaceWhereTheRateBends(t *testing.T) {
	for name, s := range map[string]struct {
		latency func(n int) float64
		best    float64
	}{
		"to a rate":       {func(n int) float64 { return 0.05 + float64(n)/2500 }, most / (0.05 + most/2500.)},
		"and falls again": {func(n int) float64 { return 0.1 + float64(n*n)/4e5 }, 200 / 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{capacity: 1e6, window: window.New(most, 0), latency: s.latency}
			w.run(10)
			if got := w.run(20); got < 0.85*s.best {
				t.Errorf("%.0f objects/s of %.0f, %d in flight", got, s.best, w.window.Size())
			}
		})
	}
}

func TestItFollowsTheService(t *testing.T) {
	for _, n := range noises {
		if n.wide {
			continue
		}
		t.Run(n.name, func(t *testing.T) {
			w := &world{capacity: 3000, window: window.New(most, 0), latency: n.latency(0.1)}
			w.run(10)
			before := w.window.Best()
			w.capacity = 600 // 60 fill the pipe
			w.run(20)
			if now := w.window.Best(); before < 250 || now > 180 {
				t.Errorf("%d in flight at 3,000 objects/s, and %d at 600", before, now)
			}
			w.capacity = 3000
			w.run(10)
			if got := w.run(10); got < 2700 {
				t.Errorf("%.0f objects/s of 3,000 once it gives them again, %d in flight", got, w.window.Best())
			}
		})
	}
}

// TestNoiseDoesNotShrinkIt: where every object more in flight brings as much as the first,
// it grows to the bound, and what noise takes away is never much.
func TestNoiseDoesNotShrinkIt(t *testing.T) {
	for _, n := range noises {
		t.Run(n.name, func(t *testing.T) {
			w := &world{capacity: 1e6, window: window.New(most, 0), latency: n.latency(0.1)}
			w.run(20)
			w.run(60)
			if w.lowest < most/3 {
				t.Errorf("%d in flight of %d", w.lowest, most)
			}
		})
	}
}

func TestItIsNeverAboveItsBound(t *testing.T) {
	for _, bound := range []int{-1, 0, 1, 2, 5, 31, 33, 200} {
		w := &world{capacity: 1e6, window: window.New(bound, 0), latency: func(int) float64 { return 0.1 }}
		w.run(20)
		if want := max(1, bound); w.peak != want {
			t.Errorf("%d in flight, of %d at most", w.peak, want)
		}
	}
}

// TestWhatHasLittleToDoTellsNothing: with 20 objects to do at a time, whatever may be in
// flight is as it was, until there are more.
func TestWhatHasLittleToDoTellsNothing(t *testing.T) {
	w := &world{capacity: 1e6, work: 20, window: window.New(most, 0), latency: func(int) float64 { return 0.1 }}
	if w.run(30); w.window.Size() != window.First || w.window.Best() != 0 {
		t.Errorf("%d, found %d", w.window.Size(), w.window.Best())
	}
	w.work = 0
	if w.run(10); w.window.Best() < most/2 {
		t.Errorf("found %d", w.window.Best())
	}
	before := w.window.Best()
	w.work = 20
	if w.run(30); w.window.Best() != before {
		t.Errorf("found %d, and with little to do %d", before, w.window.Best())
	}
}

// TestOneThatWasFoundBeforeIsBegunWith: and it is no more than where to begin.
func TestOneThatWasFoundBeforeIsBegunWith(t *testing.T) {
	for _, known := range []int{400, 60, 5000} {
		w := &world{capacity: 3000, window: window.New(most, known), latency: func(int) float64 { return 0.1 }}
		if got, want := w.window.Size(), min(known, most); got != want || w.window.Best() != want {
			t.Errorf("it begins with %d and has found %d, of %d that were known", got, w.window.Best(), known)
		}
		w.run(10)
		if got := w.run(10); got < 2700 {
			t.Errorf("%.0f objects/s of 3,000, begun with %d", got, known)
		}
	}
}

// TestARefusalIsABound: for some rounds no more are in flight than when the service refused.
func TestARefusalIsABound(t *testing.T) {
	w := &world{capacity: 1e6, window: window.New(most, 0), latency: func(int) float64 { return 0.1 }}
	w.run(2)
	w.window.Throttled(100)
	if w.window.Size() != 100 || w.window.Best() != 100 {
		t.Errorf("%d, found %d, after a refusal at 100", w.window.Size(), w.window.Best())
	}
	w.run(0.15)
	w.peak = 0
	if w.run(0.25); w.peak > 100 {
		t.Errorf("%d in flight right after a refusal at 100", w.peak)
	}
	if w.run(10); w.window.Best() < most/2 {
		t.Errorf("found %d once it refuses no more", w.window.Best())
	}
}

// TestItDoublesInTheTimeThatAnObjectTakes: 32 objects are followed by 64, and so on, up to
// 1,024 behind five times the time of one, and as many go on.
func TestItDoublesInTheTimeThatAnObjectTakes(t *testing.T) {
	for _, latency := range []float64{0.06, 0.2, 1} {
		w := &world{capacity: 1e9, window: window.New(1024, 0), latency: noises[0].latency(latency)}
		w.run(5.5 * latency)
		if got := w.window.Size(); got < 1024 {
			t.Errorf("%d in flight, objects of %g s, want 1,024", got, latency)
		}
		w.run(3 * latency)
		for range 20 { // all objects end together, whenever a round ends
			w.run(7 * latency)
			if got := w.window.Best(); got < 960 {
				t.Errorf("%d are found to be best, objects of %g s, want 960 at least", got, latency)
			}
		}
	}
}
