package cast

import (
	"fmt"
	"time"

	"kodoferry/shared/pipeline/storm/world"
)

// follows says how many of the jobs do not follow events for one that does.
const follows = 5

// settle makes a world one of a long calm.
func settle(w *world.World) {
	w.Src.PageSize, w.Dst.PageSize, w.Led.PageSize = 1000, 1000, 100
	day := 24 * time.Hour
	for i, a := range w.Actors {
		if o, ok := a.(*operator); ok {
			o.wanted, o.every = w.Plan.Long.Days, day
			o.next = w.Begun.Add(day * time.Duration(i) / time.Duration(len(w.Actors)))
		}
	}
	w.Actors = append(w.Actors, &gardener{w: w, until: w.Begun.Add(day * time.Duration(w.Plan.Long.Days)), next: w.Begun.Add(time.Hour)})
}

// gardener changes an object of the source every two hours.
type gardener struct {
	nobody
	w           *world.World
	done        int
	next, until time.Time
}

// Offers implements world.Actor.
func (g *gardener) Offers() []world.Offer { return nil }

// Content implements world.Actor.
func (g *gardener) Content() bool { return g.next.After(g.until) }

// Due implements world.Actor.
func (g *gardener) Due() (time.Time, func()) {
	if g.Content() {
		return time.Time{}, nil
	}
	return g.next, func() {
		g.done++
		g.next = g.next.Add(2 * time.Hour)
		key := fmt.Sprintf("k/%03d", 5*g.w.Dice.Draw(2*world.MostObjects, "garden", g.done))
		if g.w.Dice.Chance(20, "weeds", g.done) {
			g.w.History.OwnerDelete(key)
			return
		}
		g.w.History.OwnerPut(key, g.w.Dice.Draw(4, "garden size", g.done)*20)
	}
}
