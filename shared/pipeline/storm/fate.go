package storm

import (
	"errors"
	"strings"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/storm/cast"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// fate is what the seed decides: who goes on, and what befalls a call or a process.
type fate struct {
	w                     *world.World
	driver                *driver
	deaths, operatorsDied int
}

// draws reports whether weather that this storm has happens now, some percent of
// the times, unless this step is to be calm.
func (fate *fate) draws(kind weather.Kind, percent int) bool {
	if !fate.w.Weather[kind] || fate.w.Step > wildFor || fate.w.Plan.Only != nil && !fate.w.Plan.Only[fate.w.Step] || !fate.w.Dice.Chance(percent, "draws "+string(kind), fate.w.Step) {
		return false
	}
	if n := len(fate.w.Wild); n == 0 || fate.w.Wild[n-1] != fate.w.Step {
		fate.w.Wild = append(fate.w.Wild, fate.w.Step)
	}
	return true
}

// storm does what the seed says, and reports whether that is another thing than
// calm would have done.
func (fate *fate) storm() bool {
	now := time.Now()
	calls := fate.w.Desk.Waiting()
	var offers []world.Offer
	if len(calls) > 0 {
		offers = append(offers, world.Offer{Weight: 60, What: "", Do: func() { fate.let(calls) }})
	}
	if p := fate.driver.idle(); p != nil {
		if in, m := fate.anyMessage(now); m != nil {
			offers = append(offers, world.Offer{Weight: 20, What: "", Do: func() { fate.driver.deliver(p, in, m) }})
		}
	}
	offers = append(offers, fate.mishaps(now, len(calls) > 0)...)
	for _, a := range fate.w.Actors {
		offers = append(offers, a.Offers()...)
	}
	total := 0
	for _, o := range offers {
		total += o.Weight
	}
	if total == 0 {
		return false
	}
	at := fate.w.Dice.Draw(total, "what", fate.w.Step)
	for _, o := range offers {
		if at -= o.Weight; at >= 0 {
			continue
		}
		if o.What != "" {
			fate.w.Log.Happened(o.What)
		}
		o.Do()
		break
	}
	return true
}

// anyMessage draws one of the visible messages.
func (fate *fate) anyMessage(now time.Time) (in *world.Pile, m *world.Message) {
	if !fate.w.Weather[weather.Disorder] {
		return fate.driver.oldest(now)
	}
	n := 0
	for _, p := range fate.w.AllPiles() {
		for _, other := range p.Messages {
			if !other.Visible(now) {
				continue
			}
			if n++; fate.w.Dice.Draw(n, "message", fate.w.Step*64+n) == 0 {
				in, m = p, other
			}
		}
	}
	return in, m
}

// let lets one of calls go on, perhaps not as its process wished.
func (fate *fate) let(calls []*world.Call) {
	c := calls[0]
	if fate.w.Weather[weather.Disorder] {
		c = calls[fate.w.Dice.Draw(len(calls), "call", fate.w.Step)]
	}
	kinds := fate.faults(c)
	at := fate.w.Dice.Draw(100, "fault", fate.w.Step)
	if at >= len(kinds) { // one percent for each kind
		fate.w.Log.Note("%s: %s %s", c.P.Name, c.Op, c.Key)
		fate.w.Desk.Release(c, world.Verdict{})
		return
	}
	kind := kinds[at]
	fate.w.Log.Happened(string(kind))
	fate.w.Log.Note("%s: %s %s: %s", c.P.Name, c.Op, c.Key, kind)
	broken := func(kind fault.Kind) error {
		return fault.New(kind, "storm."+c.Op, c.Key, errors.New("as the storm wants it"))
	}
	switch kind {
	case weather.Failures:
		fate.w.Desk.Release(c, world.Verdict{Refused: broken(fault.Temporary)})
	case weather.Throttles:
		fate.w.Desk.Release(c, world.Verdict{Refused: fault.Throttle("storm."+c.Op, c.Key, time.Duration(fate.w.Dice.Draw(3, "throttle", fate.w.Step))*time.Second, nil)})
	case weather.Strays:
		fate.w.Desk.Release(c, world.Verdict{Refused: broken(fault.Temporary), Stray: true})
	case weather.LostAnswers:
		fate.w.Desk.Release(c, world.Verdict{Lost: broken(fault.Temporary)})
	case weather.Flipped:
		fate.w.Desk.Release(c, world.Verdict{Damage: world.Flipped})
	case weather.Truncated:
		fate.w.Desk.Release(c, world.Verdict{Damage: world.Truncated})
	case weather.Lost:
		fate.w.Desk.Release(c, world.Verdict{Message: world.Dropped})
	case weather.Doubled:
		fate.w.Desk.Release(c, world.Verdict{Message: world.Doubled})
	case weather.Deaths:
		if c.Effect && fate.w.Dice.Chance(60, "after", fate.w.Step) {
			fate.w.Log.Note("%s has its effect", c.Op)
			fate.w.Desk.Release(c, world.Verdict{Lost: world.ErrDead})
			synctest.Wait()
		}
		fate.dies(c.P)
	}
}

// faults lists what may become of a call, each as often as it is likely in 100.
func (fate *fate) faults(c *world.Call) (kinds []weather.Kind) {
	add := func(kind weather.Kind, percent int) {
		for range percent {
			if fate.w.Weather[kind] {
				kinds = append(kinds, kind)
			}
		}
	}
	add(weather.Failures, 3)
	add(weather.Throttles, 2)
	if fate.deaths < mostDeaths && fate.mayDie(c.P) {
		add(weather.Deaths, 2)
	}
	if c.Effect {
		add(weather.LostAnswers, 4)
	}
	if c.Body {
		if !fate.w.History.Opaque() || c.Op != "source open" { // no hash would tell
			add(weather.Flipped, 8)
		}
		add(weather.Truncated, 8)
	}
	if c.Part {
		add(weather.Strays, 40)
	}
	if c.Sends > 0 {
		add(weather.Lost, 15)
		add(weather.Doubled, 15)
	}
	return kinds
}

// mishaps lists what befalls the platform; busy says that calls wait.
func (fate *fate) mishaps(now time.Time, busy bool) (offers []world.Offer) {
	if fate.w.Weather[weather.Late] {
		steps := []time.Duration{300 * time.Millisecond, 2 * time.Second, 20 * time.Second, 3 * time.Minute, 20 * time.Minute}
		d := steps[fate.w.Dice.Draw(len(steps), "late", fate.w.Step)]
		if busy && d > 5*time.Minute {
			d = 5 * time.Minute
		}
		offers = append(offers, world.Offer{Weight: 3, What: "late", Do: func() {
			fate.w.Log.Note("%s pass", d)
			time.Sleep(d)
		}})
	}
	if !busy {
		offers = append(offers, world.Offer{Weight: 20, What: "", Do: fate.driver.calm})
	}
	if fate.w.Weather[weather.Redelivered] {
		for _, p := range fate.w.Workers {
			if p.Work != nil && p.Work.M != nil && p.Work.M.Flying && !p.Work.M.Visible(now) {
				m := p.Work.M
				offers = append(offers, world.Offer{Weight: 1, What: "redelivered", Do: func() {
					fate.w.Log.Note("%s becomes visible while it is at work", m.ID)
					m.Due = now
				}})
			}
		}
	}
	if fate.w.Weather[weather.Deaths] && fate.deaths < mostDeaths {
		for _, p := range fate.w.Processes() {
			if p.Work != nil && fate.mayDie(p) {
				offers = append(offers, world.Offer{Weight: 1, What: "deaths", Do: func() { fate.dies(p) }})
			}
		}
	}
	return offers
}

// mayDie reports whether p may: of a person's commands few do, for whoever begins
// a run waits for minutes behind one that died doing so.
func (fate *fate) mayDie(p *world.Process) bool {
	return !strings.HasPrefix(p.Slot, cast.OperatorSlot) || fate.operatorsDied < 2
}

// dies ends a process: its calls have no effect any more, and another takes its
// place. Its message is delivered again when it becomes visible.
func (fate *fate) dies(p *world.Process) {
	fate.w.Log.Note("%s dies", p.Name)
	fate.deaths++
	if strings.HasPrefix(p.Slot, cast.OperatorSlot) {
		fate.operatorsDied++
	}
	p.Dead.Store(true)
	p.Kill()
	fate.abandon(p)
	for i, other := range fate.w.Workers {
		if other == p {
			fate.w.Workers[i] = fate.w.Process(p.Slot, fate.w.Step+1)
		}
	}
	for _, a := range fate.w.Actors {
		if a.Process() == p {
			a.Died()
		}
	}
}

// abandon waits until nothing of a dead process goes on.
func (fate *fate) abandon(p *world.Process) {
	for range 1000 {
		synctest.Wait() // what ends with the context has ended, before anything else is answered
		for _, c := range fate.w.Desk.Waiting() {
			if c.P == p {
				fate.w.Desk.Release(c, world.Verdict{Refused: world.ErrDead})
			}
		}
		synctest.Wait()
		if p.Work == nil || p.Work.Ended.Load() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	fate.w.Log.Fail("%s does not end, though its context has: it does %s", p.Name, p.Work.What)
}
