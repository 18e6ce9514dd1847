package storm

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/ledger"
)

// actor is somebody who acts between the steps of the engine: a person, a
// program, a timer. Each keeps a bound on how much it does.
type actor interface {
	// offers lists what it may do now, if the seed wants it.
	offers() []offer
	// due says when it does something in any weather, and what; nil: nothing.
	due() (at time.Time, do func())
	// content reports whether it wants nothing more.
	content() bool
	// process is the one that works for it; nil: none does.
	process() *process
	// died tells that the process that worked for it did.
	died()
}

// office is a slot for processes that work for an actor.
type office struct {
	w    *world
	slot string
	n    int
	p    *process
	busy bool
}

func (o *office) process() *process { return o.p }

// do has a process do f; then is called once that has ended, also by death.
func (o *office) do(what string, f func(ctx context.Context, p *process) error, then func(error)) {
	if o.p == nil {
		o.n++
		o.p = o.w.process(o.slot, o.n)
	}
	p := o.p
	o.w.note("%s begins to %s", p.name, what)
	o.busy = true
	p.begin(what, func(ctx context.Context) error { return f(ctx, p) }).then = func(err error) {
		o.busy = false
		then(err)
	}
}

func (o *office) died() {
	then := o.p.work
	o.p = nil
	o.busy = false
	if then != nil && then.then != nil {
		then.then(errDead)
	}
}

// sweeper sweeps every half hour, and now and then in between.
type sweeper struct {
	office
	next time.Time
	left int
}

func newSweeper(w *world) *sweeper {
	return &sweeper{office: office{w: w, slot: "sweeper"}, next: time.Now().Add(sweepEvery), left: 6}
}

const sweepEvery = 30 * time.Minute

func (s *sweeper) content() bool { return !s.busy }

func (s *sweeper) due() (time.Time, func()) {
	if s.busy {
		return time.Time{}, nil
	}
	return s.next, s.sweep
}

func (s *sweeper) sweep() {
	s.next = time.Now().Add(sweepEvery)
	s.do("sweep", func(ctx context.Context, p *process) error {
		s.w.sweeps(p)
		return p.deploy.Sweep(ctx, sweepEvery, time.Now())
	}, func(error) {})
}

func (s *sweeper) offers() []offer {
	if s.busy || s.left == 0 || !s.w.weather[Sweeps] {
		return nil
	}
	return []offer{{1, "sweeps", func() { s.left--; s.sweep() }}}
}

// nobody is what actors without a process embed.
type nobody struct{}

func (nobody) due() (time.Time, func()) { return time.Time{}, nil }
func (nobody) content() bool            { return true }
func (nobody) process() *process        { return nil }
func (nobody) died()                    {}

// owner changes the source while the engine works.
type owner struct {
	nobody
	w    *world
	done int
}

// mostActs bounds what an owner or an application does.
const mostActs = 8

func (o *owner) offers() (offers []offer) {
	if o.done >= mostActs {
		return nil
	}
	if o.w.weather[Writes] {
		offers = append(offers, offer{2, "source writes", func() {
			o.done++
			o.w.ownerPut(o.w.anyKey("owner", true), o.w.dice.draw(4, "owner size", o.w.step)*20)
		}})
	}
	if o.w.weather[Deletions] {
		offers = append(offers, offer{2, "source deletions", func() {
			o.done++
			o.w.ownerDelete(o.w.anyKey("owner", false))
		}})
	}
	return offers
}

// application writes in the target while the engine works.
type application struct {
	nobody
	w    *world
	done int
}

func (a *application) offers() (offers []offer) {
	if a.done >= mostActs {
		return nil
	}
	if a.w.weather[AppWrites] {
		offers = append(offers, offer{2, "application writes", func() {
			a.done++
			a.w.appPut(a.key(true), a.w.dice.draw(4, "application size", a.w.step)*20)
		}})
	}
	if a.w.weather[AppDeletes] {
		offers = append(offers, offer{1, "application deletes", func() {
			a.done++
			a.w.appDelete(a.key(false))
		}})
	}
	return offers
}

// key draws a key of the target of one of the jobs.
func (a *application) key(fresh bool) string {
	t := a.w.tenants[a.w.dice.draw(len(a.w.tenants), "application of", a.w.step)]
	return t.job.TargetKey(a.w.anyKey("application", fresh))
}

// anyKey draws a key of the source that was ever used on either side, or, rarely, a new one.
func (w *world) anyKey(who string, fresh bool) string {
	if n := w.dice.draw(100, who+" key", w.step); fresh && n < 20 {
		return fmt.Sprintf("k/%03d", 10*w.dice.draw(17, who+" new key", w.step)+5)
	}
	keys := w.keys()
	if len(keys) == 0 {
		return "k/000"
	}
	return keys[w.dice.draw(len(keys), who+" old key", w.step)]
}

// between changes the source between two runs.
func (w *world) between() {
	keys := w.keys()
	for i := range min(4, len(keys)) {
		key := keys[w.dice.draw(len(keys), "between key", i)]
		switch w.dice.draw(4, "between", i) {
		case 0:
			w.ownerDelete(key)
		case 1, 2:
			w.ownerPut(key, w.dice.draw(4, "between size", i)*20)
		}
	}
}

// reported reports whether a run has its report.
func (w *world) reported(run string) bool {
	over, err := w.books().Run(run).Over(context.Background())
	return err == nil && over
}

// books is the ledger as the world itself reads it.
func (w *world) books() *ledger.Ledger { return ledger.Open(w.led, books) }
