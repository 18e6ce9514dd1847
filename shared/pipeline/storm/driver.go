package storm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// The bounds of a storm: one that goes on behind them does not end.
const (
	mostSteps = 60_000
	mostTime  = 15 * 24 * time.Hour
	// wildFor is how many steps of a storm the seed decides at most. Behind them
	// it is calm, and everything must come to its end.
	wildFor = 900
	// mostDeaths is how many processes die in a storm at most.
	mostDeaths = 12
	// tick passes with each step. So no two steps are at one moment, and neither
	// are the timers of what they set off: a bubble runs what wakes at one moment
	// in any order, and what draws random names then would draw others each time.
	// The ticks of a whole storm stay below a millisecond.
	tick = 13 * time.Nanosecond
)

// offer is something that may happen next.
type offer struct {
	weight int
	what   string
	do     func()
}

// drive goes on with the storm, step by step, until everything has come to its
// end or something is not as it must be.
func (w *world) drive() {
	wild := 50 + w.dice.draw(wildFor-50, "wild", 0)
	if w.plan.Long.Days > 0 {
		wild = 0
	}
	steps, most := w.plan.bounds()
	for {
		time.Sleep(tick)
		synctest.Wait()
		w.reap()
		w.places()
		if w.failure != "" || w.over() {
			return
		}
		w.mu.Lock()
		w.step++
		w.mu.Unlock()
		switch {
		case w.step > steps:
			w.fail("the storm does not end within %d steps: it is at %s", steps, w.where())
		case time.Since(w.begun) > most:
			w.fail("the storm does not end within %s: it is at %s", most, w.where())
		case w.step <= wild && (w.plan.Only == nil || w.plan.Only[w.step]) && w.storm():
			w.wild = append(w.wild, w.step)
		default:
			w.calm()
		}
	}
}

// where tells what is still to be done.
func (w *world) where() string {
	left := 0
	for _, p := range w.allPiles() {
		left += len(p.messages)
	}
	busy := ""
	for _, p := range w.processes() {
		if p.work != nil {
			busy += ", " + p.name + " does " + p.work.what
		}
	}
	return fmt.Sprintf("%d messages in the queues, %d calls not answered%s", left, len(w.waiting()), busy)
}

// calm does what a good day would: the oldest call goes on; where there is none,
// the next message is delivered, and an actor does what is due; where there is
// neither, time passes.
func (w *world) calm() {
	if calls := w.waiting(); len(calls) > 0 {
		c := calls[0]
		w.note("%s: %s %s", c.p.name, c.op, c.key)
		w.release(c, verdict{})
		return
	}
	now := time.Now()
	var next time.Time
	soonest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, a := range w.actors {
		at, do := a.due()
		switch {
		case do == nil:
		case at.After(now):
			soonest(at)
		default:
			do()
			return
		}
	}
	if p := w.idle(); p != nil {
		if pile, m := w.oldest(now); m != nil {
			w.deliver(p, pile, m)
			return
		}
		for _, p := range w.allPiles() {
			if at, ok := p.next(now); ok {
				soonest(at)
			}
		}
	}
	w.pass(next)
}

// longest is how long time passes at most without anybody who acts.
const longest = 24 * time.Hour

// pass lets time go by until then, or until a process makes a call or ends.
func (w *world) pass(then time.Time) {
	wait := longest
	if !then.IsZero() {
		wait = time.Until(then)
	}
	select {
	case <-w.arrived:
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.arrived:
	case <-timer.C:
	}
	w.note("time passes")
}

// idle returns a worker that does nothing, nil where there is none.
func (w *world) idle() *process {
	for _, p := range w.workers {
		if p.work == nil {
			return p
		}
	}
	return nil
}

// oldest returns the visible message that was to be delivered first.
func (w *world) oldest(now time.Time) (in *pile, m *message) {
	for _, p := range w.allPiles() {
		for _, other := range p.messages {
			if other.visible(now) && (m == nil || other.due.Before(m.due)) {
				in, m = p, other
			}
		}
	}
	return in, m
}

// deliver hands a message to a process.
func (w *world) deliver(p *process, pile *pile, m *message) {
	if m.Deliveries >= buried && pile != w.dead {
		w.note("%s: buried: %s", pile.name, m.Body)
		w.happened("buried")
		pile.remove(m)
		w.dead.add(queue.Outgoing{Body: m.Body})
		return
	}
	received := pile.take(m, hidden)
	w.note("%s gets %s delivery %d of %s: %s", p.name, m.ID, m.Deliveries, pile.name, m.Body)
	do := p.deploy.Worker("").Process
	if pile == w.dead {
		do = p.deploy.Worker("").Bury
	}
	p.begin(m.ID, func(ctx context.Context) error { return do(ctx, received) })
	p.work.pile, p.work.m, p.work.delivery, p.work.name = pile, m, m.Deliveries, task.Name(received.Body)
	w.takes(p, p.run())
}

// reap takes in what has ended.
func (w *world) reap() {
	for _, p := range w.processes() {
		done := p.work
		if done == nil || !done.ended.Load() {
			continue
		}
		p.work = nil
		w.note("%s has ended %s: %s", p.name, done.what, cmp.Or(fault.KindOf(done.err), "done"))
		if done.then != nil {
			done.then(done.err)
		}
		if done.m == nil || done.m.Deliveries != done.delivery {
			continue // the receipt of a message that was delivered again is void
		}
		w.newer(done)
		switch {
		case done.err == nil && w.draws(Unacked, 6):
			w.happened(string(Unacked))
			w.note("%s is not known to be done", done.what)
			done.pile.giveBack(done.m, time.Duration(w.dice.draw(40, "unacked for", w.step))*time.Minute)
		case done.err == nil:
			done.pile.remove(done.m)
		case fault.KindOf(done.err) == fault.Newer: // as worker has it
			done.pile.giveBack(done.m, 5*time.Minute)
		default:
			done.pile.giveBack(done.m, 30*time.Second)
		}
	}
}

// draws reports whether weather that this storm has happens now, some percent of
// the times, unless this step is to be calm.
func (w *world) draws(kind Weather, percent int) bool {
	if !w.weather[kind] || w.step > wildFor || w.plan.Only != nil && !w.plan.Only[w.step] || !w.dice.chance(percent, "draws "+string(kind), w.step) {
		return false
	}
	if n := len(w.wild); n == 0 || w.wild[n-1] != w.step {
		w.wild = append(w.wild, w.step)
	}
	return true
}

// storm does what the seed says, and reports whether that is another thing than
// calm would have done.
func (w *world) storm() bool {
	now := time.Now()
	calls := w.waiting()
	var offers []offer
	if len(calls) > 0 {
		offers = append(offers, offer{60, "", func() { w.let(calls) }})
	}
	if p := w.idle(); p != nil {
		if in, m := w.anyMessage(now); m != nil {
			offers = append(offers, offer{20, "", func() { w.deliver(p, in, m) }})
		}
	}
	offers = append(offers, w.mishaps(now, len(calls) > 0)...)
	for _, a := range w.actors {
		offers = append(offers, a.offers()...)
	}
	total := 0
	for _, o := range offers {
		total += o.weight
	}
	if total == 0 {
		return false
	}
	at := w.dice.draw(total, "what", w.step)
	for _, o := range offers {
		if at -= o.weight; at >= 0 {
			continue
		}
		if o.what != "" {
			w.happened(o.what)
		}
		o.do()
		break
	}
	return true
}

// anyMessage draws one of the visible messages.
func (w *world) anyMessage(now time.Time) (in *pile, m *message) {
	if !w.weather[Disorder] {
		return w.oldest(now)
	}
	n := 0
	for _, p := range w.allPiles() {
		for _, other := range p.messages {
			if !other.visible(now) {
				continue
			}
			if n++; w.dice.draw(n, "message", w.step*64+n) == 0 {
				in, m = p, other
			}
		}
	}
	return in, m
}

// let lets one of calls go on, perhaps not as its process wished.
func (w *world) let(calls []*call) {
	c := calls[0]
	if w.weather[Disorder] {
		c = calls[w.dice.draw(len(calls), "call", w.step)]
	}
	kinds := w.faults(c)
	at := w.dice.draw(100, "fault", w.step)
	if at >= len(kinds) { // one percent for each kind
		w.note("%s: %s %s", c.p.name, c.op, c.key)
		w.release(c, verdict{})
		return
	}
	kind := kinds[at]
	w.happened(string(kind))
	w.note("%s: %s %s: %s", c.p.name, c.op, c.key, kind)
	broken := func(kind fault.Kind) error {
		return fault.New(kind, "storm."+c.op, c.key, errors.New("as the storm wants it"))
	}
	switch kind {
	case Failures:
		w.release(c, verdict{refused: broken(fault.Temporary)})
	case Throttles:
		w.release(c, verdict{refused: fault.Throttle("storm."+c.op, c.key, time.Duration(w.dice.draw(3, "throttle", w.step))*time.Second, nil)})
	case Strays:
		w.release(c, verdict{refused: broken(fault.Temporary), stray: true})
	case LostAnswers:
		w.release(c, verdict{lost: broken(fault.Temporary)})
	case Flipped:
		w.release(c, verdict{damage: flipped})
	case Truncated:
		w.release(c, verdict{damage: truncated})
	case Lost:
		w.release(c, verdict{message: dropped})
	case Doubled:
		w.release(c, verdict{message: doubled})
	case Deaths:
		if c.effect && w.dice.chance(60, "after", w.step) {
			w.note("%s has its effect", c.op)
			w.release(c, verdict{lost: errDead})
			synctest.Wait()
		}
		w.dies(c.p)
	}
}

// faults lists what may become of a call, each as often as it is likely in 100.
func (w *world) faults(c *call) (kinds []Weather) {
	add := func(kind Weather, percent int) {
		for range percent {
			if w.weather[kind] {
				kinds = append(kinds, kind)
			}
		}
	}
	add(Failures, 3)
	add(Throttles, 2)
	if w.deaths < mostDeaths && w.mayDie(c.p) {
		add(Deaths, 2)
	}
	if c.effect {
		add(LostAnswers, 4)
	}
	if c.body {
		if !w.opaque() || c.op != "source open" { // no hash would tell
			add(Flipped, 8)
		}
		add(Truncated, 8)
	}
	if c.part {
		add(Strays, 40)
	}
	if c.sends > 0 {
		add(Lost, 15)
		add(Doubled, 15)
	}
	return kinds
}

// mishaps lists what befalls the platform; busy says that calls wait.
func (w *world) mishaps(now time.Time, busy bool) (offers []offer) {
	if w.weather[Late] {
		steps := []time.Duration{300 * time.Millisecond, 2 * time.Second, 20 * time.Second, 3 * time.Minute, 20 * time.Minute}
		d := steps[w.dice.draw(len(steps), "late", w.step)]
		if busy && d > 5*time.Minute {
			d = 5 * time.Minute
		}
		offers = append(offers, offer{3, "late", func() {
			w.note("%s pass", d)
			time.Sleep(d)
		}})
	}
	if !busy {
		offers = append(offers, offer{20, "", w.calm})
	}
	if w.weather[Redelivered] {
		for _, p := range w.workers {
			if p.work != nil && p.work.m != nil && p.work.m.flying && !p.work.m.visible(now) {
				m := p.work.m
				offers = append(offers, offer{1, "redelivered", func() {
					w.note("%s becomes visible while it is at work", m.ID)
					m.due = now
				}})
			}
		}
	}
	if w.weather[Deaths] && w.deaths < mostDeaths {
		for _, p := range w.processes() {
			if p.work != nil && w.mayDie(p) {
				offers = append(offers, offer{1, "deaths", func() { w.dies(p) }})
			}
		}
	}
	return offers
}

// mayDie reports whether p may: of a person's commands few do, for whoever begins
// a run waits for minutes behind one that died doing so.
func (w *world) mayDie(p *process) bool {
	return !strings.HasPrefix(p.slot, operatorSlot) || w.operatorsDied < 2
}

// dies ends a process: its calls have no effect any more, and another takes its
// place. Its message is delivered again when it becomes visible.
func (w *world) dies(p *process) {
	w.note("%s dies", p.name)
	w.deaths++
	if strings.HasPrefix(p.slot, operatorSlot) {
		w.operatorsDied++
	}
	p.dead.Store(true)
	p.kill()
	w.abandon(p)
	for i, other := range w.workers {
		if other == p {
			w.workers[i] = w.process(p.slot, w.step+1)
		}
	}
	for _, a := range w.actors {
		if a.process() == p {
			a.died()
		}
	}
}

// abandon waits until nothing of a dead process goes on.
func (w *world) abandon(p *process) {
	for range 1000 {
		synctest.Wait() // what ends with the context has ended, before anything else is answered
		for _, c := range w.waiting() {
			if c.p == p {
				w.release(c, verdict{refused: errDead})
			}
		}
		synctest.Wait()
		if p.work == nil || p.work.ended.Load() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.fail("%s does not end, though its context has: it does %s", p.name, p.work.what)
}

// stop ends everything, so that no goroutine of the storm is left.
func (w *world) stop() {
	for _, p := range w.processes() {
		p.dead.Store(true)
		p.kill()
		w.abandon(p)
	}
}
