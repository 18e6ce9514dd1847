package storm

import (
	"cmp"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/storm/cast"
	"kodoferry/shared/pipeline/storm/rules"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
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

// boundsOf returns how many steps a storm may have, and how long it may take.
func boundsOf(p weather.Plan) (steps int, most time.Duration) {
	if p.Long.Days == 0 {
		return mostSteps, mostTime
	}
	return 4000 * p.Long.Jobs * p.Long.Days, time.Duration(p.Long.Days+2) * 24 * time.Hour
}

// driver takes the steps of a storm.
type driver struct {
	w     *world.World
	rules *rules.Rules
	fate  *fate
}

// newDriver makes the world of a plan, and who drives it.
func newDriver(t *testing.T, plan weather.Plan, traced bool) *driver {
	w := world.New(t, plan, traced)
	drv := &driver{w: w, rules: rules.New(w)}
	drv.fate = &fate{w: w, driver: drv}
	w.Draws = drv.fate.draws
	cast.MakeJobs(w)
	w.History.Fill()
	for i := range 1 + w.Dice.Draw(3, "workers", 0) {
		w.Workers = append(w.Workers, w.Process(fmt.Sprintf("worker %d", i+1), 1))
	}
	cast.New(w, drv.rules)
	return drv
}

// drive goes on with the storm, step by step, until everything has come to its
// end or something is not as it must be.
func (drv *driver) drive() {
	wild := 50 + drv.w.Dice.Draw(wildFor-50, "wild", 0)
	if drv.w.Plan.Long.Days > 0 {
		wild = 0
	}
	steps, most := boundsOf(drv.w.Plan)
	for {
		time.Sleep(tick)
		synctest.Wait()
		drv.reap()
		drv.rules.Usage.Places()
		if drv.w.Log.Failure != "" || drv.w.Over() {
			return
		}
		drv.w.Mu.Lock()
		drv.w.Step++
		drv.w.Mu.Unlock()
		switch {
		case drv.w.Step > steps:
			drv.w.Log.Fail("the storm does not end within %d steps: it is at %s", steps, drv.where())
		case time.Since(drv.w.Begun) > most:
			drv.w.Log.Fail("the storm does not end within %s: it is at %s", most, drv.where())
		case drv.w.Step <= wild && (drv.w.Plan.Only == nil || drv.w.Plan.Only[drv.w.Step]) && drv.fate.storm():
			drv.w.Wild = append(drv.w.Wild, drv.w.Step)
		default:
			drv.calm()
		}
	}
}

// where tells what is still to be done.
func (drv *driver) where() string {
	left := 0
	for _, p := range drv.w.AllPiles() {
		left += len(p.Messages)
	}
	busy := ""
	for _, p := range drv.w.Processes() {
		if p.Work != nil {
			busy += ", " + p.Name + " does " + p.Work.What
		}
	}
	return fmt.Sprintf("%d messages in the queues, %d calls not answered%s", left, len(drv.w.Desk.Waiting()), busy)
}

// calm does what a good day would: the oldest call goes on; where there is none,
// the next message is delivered, and an actor does what is due; where there is
// neither, time passes.
func (drv *driver) calm() {
	if calls := drv.w.Desk.Waiting(); len(calls) > 0 {
		c := calls[0]
		drv.w.Log.Note("%s: %s %s", c.P.Name, c.Op, c.Key)
		drv.w.Desk.Release(c, world.Verdict{})
		return
	}
	now := time.Now()
	var next time.Time
	soonest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, a := range drv.w.Actors {
		at, do := a.Due()
		switch {
		case do == nil:
		case at.After(now):
			soonest(at)
		default:
			do()
			return
		}
	}
	if p := drv.idle(); p != nil {
		if pile, m := drv.oldest(now); m != nil {
			drv.deliver(p, pile, m)
			return
		}
		for _, p := range drv.w.AllPiles() {
			if at, ok := p.Next(now); ok {
				soonest(at)
			}
		}
	}
	drv.pass(next)
}

// longest is how long time passes at most without anybody who acts.
const longest = 24 * time.Hour

// pass lets time go by until then, or until a process makes a call or ends.
func (drv *driver) pass(then time.Time) {
	wait := longest
	if !then.IsZero() {
		wait = time.Until(then)
	}
	select {
	case <-drv.w.Desk.Arrived:
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-drv.w.Desk.Arrived:
	case <-timer.C:
	}
	drv.w.Log.Note("time passes")
}

// idle returns a worker that does nothing, nil where there is none.
func (drv *driver) idle() *world.Process {
	for _, p := range drv.w.Workers {
		if p.Work == nil {
			return p
		}
	}
	return nil
}

// oldest returns the visible message that was to be delivered first.
func (drv *driver) oldest(now time.Time) (in *world.Pile, m *world.Message) {
	for _, p := range drv.w.AllPiles() {
		for _, other := range p.Messages {
			if other.Visible(now) && (m == nil || other.Due.Before(m.Due)) {
				in, m = p, other
			}
		}
	}
	return in, m
}

// deliver hands a message to a process.
func (drv *driver) deliver(p *world.Process, pile *world.Pile, m *world.Message) {
	if m.Deliveries >= world.Buried && pile != drv.w.Dead {
		drv.w.Log.Note("%s: buried: %s", pile.Name, m.Body)
		drv.w.Log.Happened("buried")
		pile.Remove(m)
		drv.w.Dead.Add(queue.Outgoing{Body: m.Body})
		return
	}
	received := pile.Take(m, world.Hidden)
	drv.w.Log.Note("%s gets %s delivery %d of %s: %s", p.Name, m.ID, m.Deliveries, pile.Name, m.Body)
	do := p.Deploy.Worker("").Process
	if pile == drv.w.Dead {
		do = p.Deploy.Worker("").Bury
	}
	p.Begin(m.ID, func(ctx context.Context) error { return do(ctx, received) })
	p.Work.Pile, p.Work.M, p.Work.Delivery, p.Work.Name = pile, m, m.Deliveries, task.Name(received.Body)
	drv.rules.Usage.Takes(p, p.Run())
}

// reap takes in what has ended.
func (drv *driver) reap() {
	for _, p := range drv.w.Processes() {
		done := p.Work
		if done == nil || !done.Ended.Load() {
			continue
		}
		p.Work = nil
		drv.w.Log.Note("%s has ended %s: %s", p.Name, done.What, cmp.Or(fault.KindOf(done.Err), "done"))
		if done.Then != nil {
			done.Then(done.Err)
		}
		if done.M == nil || done.M.Deliveries != done.Delivery {
			continue // the receipt of a message that was delivered again is void
		}
		cast.Newer(drv.w, done)
		switch {
		case done.Err == nil && drv.fate.draws(weather.Unacked, 6):
			drv.w.Log.Happened(string(weather.Unacked))
			drv.w.Log.Note("%s is not known to be done", done.What)
			done.Pile.GiveBack(done.M, time.Duration(drv.w.Dice.Draw(40, "unacked for", drv.w.Step))*time.Minute)
		case done.Err == nil:
			done.Pile.Remove(done.M)
		case fault.KindOf(done.Err) == fault.Newer: // as worker has it
			done.Pile.GiveBack(done.M, 5*time.Minute)
		default:
			done.Pile.GiveBack(done.M, 30*time.Second)
		}
	}
}

// stop ends everything, so that no goroutine of the storm is left.
func (drv *driver) stop() {
	for _, p := range drv.w.Processes() {
		p.Dead.Store(true)
		p.Kill()
		drv.fate.abandon(p)
	}
}
