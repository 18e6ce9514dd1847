package storm

import (
	"fmt"
	"time"
)

// Long is a calm of days, in which many jobs of one source run side by side, each
// once a day, and some follow events: it shows what gathers with time.
type Long struct{ Jobs, Days int }

// follows says how many of the jobs do not follow events for one that does.
const follows = 5

// lasting is the weather of a long calm: what its jobs are like.
func lasting() map[Weather]bool {
	return map[Weather]bool{Jobs: true, Schedules: true, Events: true, Mirror: true, Shards: true, Batches: true}
}

// bounds are how many steps a storm may have, and how long it may take.
func (p Plan) bounds() (steps int, most time.Duration) {
	if p.Long.Days == 0 {
		return mostSteps, mostTime
	}
	return 4000 * p.Long.Jobs * p.Long.Days, time.Duration(p.Long.Days+2) * 24 * time.Hour
}

// settle makes a world one of a long calm.
func (w *world) settle() {
	w.src.PageSize, w.dst.PageSize, w.led.PageSize = 1000, 1000, 100
	day := 24 * time.Hour
	for i, a := range w.actors {
		if o, ok := a.(*operator); ok {
			o.wanted, o.every = w.plan.Long.Days, day
			o.next = w.begun.Add(day * time.Duration(i) / time.Duration(len(w.actors)))
		}
	}
	w.actors = append(w.actors, &gardener{w: w, until: w.begun.Add(day * time.Duration(w.plan.Long.Days)), next: w.begun.Add(time.Hour)})
}

// gardener changes an object of the source every two hours.
type gardener struct {
	nobody
	w           *world
	done        int
	next, until time.Time
}

func (g *gardener) offers() []offer { return nil }

func (g *gardener) content() bool { return g.next.After(g.until) }

func (g *gardener) due() (time.Time, func()) {
	if g.content() {
		return time.Time{}, nil
	}
	return g.next, func() {
		g.done++
		g.next = g.next.Add(2 * time.Hour)
		key := fmt.Sprintf("k/%03d", 5*g.w.dice.draw(2*mostObjects, "garden", g.done))
		if g.w.dice.chance(20, "weeds", g.done) {
			g.w.ownerDelete(key)
			return
		}
		g.w.ownerPut(key, g.w.dice.draw(4, "garden size", g.done)*20)
	}
}
