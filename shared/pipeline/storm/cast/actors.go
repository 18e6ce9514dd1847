// Package cast is who acts in a storm besides the engine, and the jobs that they have done.
//
//	actors.go    New; sweeper, owner of the source, application
//	tenants.go   the jobs, what each chooses and what bounds it
//	operator.go  who begins runs; steer.go who stops them, clean.go who removes what they
//	             leave, limits.go who changes what bounds them
//	events.go    what the source notifies of, kept jobs and timers
//	versions.go  a deployment half upgraded
//	strays.go    parts that come though their request failed
//	week.go      a calm of many jobs and days
package cast

import (
	"context"
	"time"

	"kodoferry/shared/pipeline/storm/rules"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// office is a slot for processes that work for an actor.
type office struct {
	w     *world.World
	rules *rules.Rules
	slot  string
	n     int
	p     *world.Process
	busy  bool
}

// Process implements world.Actor.
func (o *office) Process() *world.Process { return o.p }

// Due and Content implement world.Actor for who acts only when it is its turn.
func (o *office) Due() (t time.Time, do func()) { return }
func (o *office) Content() bool                 { return !o.busy }

// do has a process do f; then is called once that has ended, also by death.
func (o *office) do(what string, f func(ctx context.Context, p *world.Process) error, then func(error)) {
	if o.p == nil {
		o.n++
		o.p = o.w.Process(o.slot, o.n)
	}
	p := o.p
	o.w.Log.Note("%s begins to %s", p.Name, what)
	o.busy = true
	p.Begin(what, func(ctx context.Context) error { return f(ctx, p) }).Then = func(err error) {
		o.busy = false
		then(err)
	}
}

// Died implements world.Actor.
func (o *office) Died() {
	then := o.p.Work
	o.p = nil
	o.busy = false
	if then != nil && then.Then != nil {
		then.Then(world.ErrDead)
	}
}

// sweeper sweeps every half hour, and now and then in between.
type sweeper struct {
	office
	next time.Time
	left int
}

func newSweeper(w *world.World, r *rules.Rules) *sweeper {
	return &sweeper{office: office{w: w, rules: r, slot: "sweeper"}, next: time.Now().Add(rules.SweepEvery), left: 6}
}

// Content implements world.Actor.
func (s *sweeper) Content() bool { return !s.busy }

// Due implements world.Actor.
func (s *sweeper) Due() (time.Time, func()) {
	if s.busy {
		return time.Time{}, nil
	}
	return s.next, s.sweep
}

func (s *sweeper) sweep() {
	s.next = time.Now().Add(rules.SweepEvery)
	s.do("sweep", func(ctx context.Context, p *world.Process) error {
		s.rules.Records.Sweeps(p)
		return p.Deploy.Sweep(ctx, rules.SweepEvery, time.Now())
	}, func(error) {})
}

// Offers implements world.Actor.
func (s *sweeper) Offers() []world.Offer {
	if s.busy || s.left == 0 || !s.w.Weather[weather.Sweeps] {
		return nil
	}
	return []world.Offer{{Weight: 1, What: "sweeps", Do: func() { s.left--; s.sweep() }}}
}

// nobody is embedded by actors that are no process.
type nobody struct{}

// Due implements world.Actor.
func (nobody) Due() (time.Time, func()) { return time.Time{}, nil }

// Content implements world.Actor.
func (nobody) Content() bool { return true }

// Process implements world.Actor.
func (nobody) Process() *world.Process { return nil }

// Died implements world.Actor.
func (nobody) Died() {}

// owner changes the source while the engine works.
type owner struct {
	nobody
	w    *world.World
	done int
}

// mostActs bounds what an owner or an application does.
const mostActs = 8

// Offers implements world.Actor.
func (o *owner) Offers() (offers []world.Offer) {
	if o.done >= mostActs {
		return nil
	}
	if o.w.Weather[weather.Writes] {
		offers = append(offers, world.Offer{Weight: 2, What: "source writes", Do: func() {
			o.done++
			switch key := o.w.History.AnyKey("owner", true); o.w.Dice.Draw(6, "owner way", o.w.Step) {
			case 0:
				o.w.History.OwnerMove(key)
			case 1:
				o.w.History.OwnerAttributes(key)
			default:
				o.w.History.OwnerPut(key, o.w.Dice.Draw(4, "owner size", o.w.Step)*20)
			}
		}})
	}
	if o.w.Weather[weather.Deletions] {
		offers = append(offers, world.Offer{Weight: 2, What: "source deletions", Do: func() {
			o.done++
			o.w.History.OwnerDelete(o.w.History.AnyKey("owner", false))
		}})
	}
	return offers
}

// application writes in the target while the engine works.
type application struct {
	nobody
	w    *world.World
	done int
}

// Offers implements world.Actor.
func (a *application) Offers() (offers []world.Offer) {
	if a.done >= mostActs {
		return nil
	}
	if a.w.Weather[weather.AppWrites] {
		offers = append(offers, world.Offer{Weight: 2, What: "application writes", Do: func() {
			a.done++
			if to := a.key(true); a.w.Dice.Draw(3, "application way", a.w.Step) > 0 || !a.w.History.AppCopy(a.anyOf(to), to) {
				a.w.History.AppPut(to, a.w.Dice.Draw(4, "application size", a.w.Step)*20)
			}
		}})
	}
	if a.w.Weather[weather.AppDeletes] {
		offers = append(offers, world.Offer{Weight: 1, What: "application deletes", Do: func() {
			a.done++
			a.w.History.AppDelete(a.key(false))
		}})
	}
	return offers
}

// key draws a key of the target of one of the jobs.
func (a *application) key(fresh bool) string {
	t := a.w.Tenants[a.w.Dice.Draw(len(a.w.Tenants), "application of", a.w.Step)]
	return t.Job.TargetKey(a.w.History.AnyKey("application", fresh))
}

// anyOf draws a key of the target beside one, of the same job.
func (a *application) anyOf(key string) string {
	return a.w.Owns(key).Job.TargetKey(a.w.History.AnyKey("application's own", false))
}

// New fills a world with who acts on it.
func New(w *world.World, r *rules.Rules) {
	strays := &strays{w: w}
	w.Stray = strays.sent
	for _, t := range w.Tenants {
		o := newOperator(w, r, t)
		w.Actors = append(w.Actors, o, newManager(w, o), newCleaner(w, o), newWarden(w, o))
	}
	if w.Weather[weather.Events] {
		n := newNotifier(w, r)
		w.Notify = n.notify
		w.Actors = append(w.Actors, n)
	}
	w.Actors = append(w.Actors, newSweeper(w, r), &upgrade{w: w, left: 3}, strays, &owner{w: w}, &application{w: w})
	if w.Plan.Long.Days > 0 {
		settle(w)
	}
}
