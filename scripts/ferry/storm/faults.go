package storm

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/task"
)

// statuses are the answers of each service in place of one in twenty of its own; those
// above 511 are of Kodo alone.
var statuses = []int{500, 502, 503, throttled, 599}

const throttled = 573 // how Kodo throttles

const (
	refusedRate = 0.05 // answers that are one of statuses
	usualRate   = 0.01 // of resets, of both kinds, of lost answers and slow ones
	flipRate    = 0.02 // of downloads
	emptyRate   = 0.1  // of pages of listings
	queueRate   = 0.05 // of messages, for each kind of misbehaviour
	lostRate    = 0.02 // of messages, each of which costs its run some seconds
	raisedRate  = 0.5  // of what was not met yet when a part of the time is over
	lateBy      = 3 * time.Second
	slowBy      = 300 * time.Millisecond
	killEvery   = 2500 * time.Millisecond // about
)

// Kind is a kind of fault, and how many of it there were.
type Kind struct {
	Name  string // with --json
	What  string
	count func(*storm) int64
}

const clockKind = "clock"

// Kinds are all there are. A storm in which one of them is not met fails.
func Kinds() []Kind {
	kinds := []Kind{
		{"killed", "processes killed", func(s *storm) int64 { return s.faults.killed() }},
		{"twice", "messages delivered twice", func(s *storm) int64 { return int64(s.faults.queues().Duplicated) }},
		{"five", "messages delivered five times", func(s *storm) int64 { return int64(s.faults.queues().Fivefold) }},
		{"order", "messages delivered before older ones", func(s *storm) int64 { return int64(s.faults.queues().Reordered) }},
		{"late", "messages delivered late", func(s *storm) int64 { return int64(s.faults.queues().Late) }},
		{"never", "messages delivered never", func(s *storm) int64 { return int64(s.faults.queues().Lost) }},
		{"unsent", "messages not taken", func(s *storm) int64 { return int64(s.faults.queues().Refused) }},
	}
	for _, status := range statuses {
		kinds = append(kinds, Kind{strconv.Itoa(status), "answers of " + strconv.Itoa(status), func(s *storm) int64 { return s.faults.refused(status) }})
	}
	for _, k := range []struct {
		kind chaos.Kind
		what string
	}{
		{chaos.Latency, "answers that came late"},
		{chaos.Cut, "connections reset amid the request"},
		{chaos.Reset, "connections reset amid the answer"},
		{chaos.Lost, "answers lost, the work done"},
		{chaos.Flip, "downloads with a flipped byte"},
		{chaos.EmptyPage, "pages of a listing that were empty"},
		{chaos.Expired, "requests with keys that had expired"},
	} {
		kinds = append(kinds, Kind{string(k.kind), k.what, func(s *storm) int64 { return s.faults.injected(k.kind) }})
	}
	return append(kinds,
		Kind{clockKind, "requests between clocks 10 minutes apart", func(s *storm) int64 { return s.faults.askedOff() }},
		Kind{"overwritten", "objects overwritten at the source", func(s *storm) int64 { return s.faults.did(overwrote) }},
		Kind{"deleted", "objects deleted at the source", func(s *storm) int64 { return s.faults.did(deleted) }},
		Kind{"written", "objects written by the application", func(s *storm) int64 { return s.faults.did(wrote) }},
		Kind{"removed", "objects deleted by the application", func(s *storm) int64 { return s.faults.did(removedCopy) }},
	)
}

// faults are those that were injected, and that are to be.
type faults struct {
	s     *storm
	kills atomic.Int64 // of agents
}

// desks are those of all services.
func (fs *faults) desks() []*chaos.Desk {
	w := fs.s.clouds
	if w.SQS != nil {
		return []*chaos.Desk{w.Kodo.Desk(), w.OSS.Desk(), w.SQS.Desk()}
	}
	return []*chaos.Desk{w.Kodo.Desk(), w.OSS.Desk(), w.MNS.Desk()}
}

func (fs *faults) injected(k chaos.Kind) (n int64) {
	for _, d := range fs.desks() {
		n += d.Injected()[k]
	}
	return n
}

func (fs *faults) refused(status int) (n int64) {
	if status == throttled {
		n = fs.injected(chaos.Throttle)
	}
	for _, d := range fs.desks() {
		n += d.Refused()[status]
	}
	return n
}

// queues is what the queues did.
func (fs *faults) queues() mns.Injected {
	if fs.s.clouds.SQS != nil {
		return fs.s.clouds.SQS.Injected()
	}
	return fs.s.clouds.MNS.Injected()
}

func (fs *faults) killed() (n int64) {
	if fs.s.clouds.Cloud == nil {
		return fs.kills.Load()
	}
	for _, stats := range fs.s.clouds.Cloud.Stats() {
		n += int64(stats.Kills)
	}
	return n
}

func (fs *faults) did(a act) (n int64) {
	for _, m := range fs.s.moves {
		n += m.acts[a].Load()
	}
	return n
}

// misbehave lets all faults of services and queues loose until ctx ends. What was not met
// in the first third of the time comes more often from then on, for a short storm.
func (fs *faults) misbehave(ctx context.Context) {
	raise := time.Now().Add(fs.s.options.Length / 3)
	tick := time.NewTicker(min(time.Second, fs.s.options.Length/10))
	defer tick.Stop()
	fs.inject(func(_ bool, rate float64) float64 { return rate })
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if time.Now().After(raise) {
			fs.inject(func(met bool, rate float64) float64 {
				if met {
					return rate
				}
				return raisedRate
			})
		}
	}
}

// inject sets every fault, at what rate says of whether it was met and of its usual rate.
func (fs *faults) inject(rate func(met bool, usual float64) float64) {
	of := func(k chaos.Kind, usual float64) float64 { return rate(fs.injected(k) > 0, usual) }
	for i, d := range fs.desks() {
		rules := []chaos.Rule{
			{Op: "*", Kind: chaos.Latency, Rate: of(chaos.Latency, usualRate), Delay: slowBy},
			{Op: "*", Kind: chaos.Cut, Rate: of(chaos.Cut, usualRate)},
			{Op: "*", Kind: chaos.Reset, Rate: of(chaos.Reset, usualRate)},
			{Op: "*", Kind: chaos.Lost, Rate: of(chaos.Lost, usualRate)},
			{Op: "*", Kind: chaos.EmptyPage, Rate: of(chaos.EmptyPage, emptyRate)},
		}
		if i == 0 { // elsewhere nothing but TLS, which stand-ins do not speak, could tell
			rules = append(rules, chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: of(chaos.Flip, flipRate)})
		}
		for _, status := range statuses {
			if i > 0 && status > 511 {
				continue
			}
			rules = append(rules, chaos.Rule{Op: "*", Kind: chaos.Status, Status: status, Rate: rate(fs.refused(status) > 0, refusedRate/float64(len(statuses)))})
		}
		d.Inject(rules...)
	}
	done := fs.queues()
	bad := mns.Misbehaviour{
		Duplicate: rate(done.Duplicated > 0, queueRate), Five: rate(done.Fivefold > 0, queueRate), Reorder: rate(done.Reordered > 0, queueRate),
		Refuse: rate(done.Refused > 0, queueRate), Lose: rate(done.Lost > 0, lostRate), Late: rate(done.Late > 0, queueRate), LateBy: lateBy,
	}
	fs.setQueues(bad)
}

func (fs *faults) setQueues(bad mns.Misbehaviour) {
	if fs.s.clouds.SQS != nil {
		fs.s.clouds.SQS.Misbehave(bad)
		return
	}
	fs.s.clouds.MNS.Misbehave(bad)
}

// calmDown ends all faults but the wrong clock.
func (fs *faults) calmDown() {
	fs.s.calm.Store(true)
	fs.s.clock.asked = fs.askedOff()
	for _, d := range fs.desks() {
		d.Inject()
	}
	fs.setQueues(mns.Misbehaviour{})
	fs.s.log.note("the storm is over")
}

// killNow kills one process after the other that is in the middle of a task, until ctx ends.
func (fs *faults) killNow(ctx context.Context) {
	if fs.s.clouds.Cloud == nil {
		<-ctx.Done() // agents have their own
		return
	}
	dice := fs.s.dice(3)
	for {
		wait := killEvery/2 + rand.N(killEvery)
		if fs.killed() == 0 {
			wait = 50 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		for range 200 { // until one is at work
			name := string(task.Stages[dice.IntN(len(task.Stages))])
			if fs.s.clouds.Cloud.Kill(standins.Queues + name) {
				fs.s.log.note("an instance of %s is killed", name)
				break
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

// clock says whose clock is wrong.
type clock struct {
	standins.Clocks
	whose string
	asked int64 // requests with it, once the storm is over
}

const wrongBy = 10 * time.Minute

// wrongClock draws one. Of an instance it is wrong where those of all services differ
// from its own. SQS takes no clock but the right one: it allows 5 minutes.
func wrongClock(dice *rand.Rand, platform string) clock {
	by, how := wrongBy, "10 minutes ahead of"
	if dice.IntN(2) == 0 {
		by, how = -wrongBy, "10 minutes behind"
	}
	all := []clock{
		{Clocks: standins.Clocks{Source: by}, whose: "the source's clock is " + how + " all others"},
		{Clocks: standins.Clocks{Target: by}, whose: "the target's clock is " + how + " all others"},
		{Clocks: standins.Clocks{Source: by, Target: by, Queues: by}, whose: "the clocks of all services are " + how + " those of the processes"},
		{Clocks: standins.Clocks{Queues: by}, whose: "the queues' clock is " + how + " all others"},
	}
	if platform == standins.Lambda {
		all = all[:2]
	}
	return all[dice.IntN(len(all))]
}

// askedOff counts the requests to services whose clock is wrong.
func (fs *faults) askedOff() (n int64) {
	if fs.s.clock.asked > 0 {
		return fs.s.clock.asked
	}
	desks := fs.desks()
	for i, by := range []time.Duration{fs.s.clock.Source, fs.s.clock.Target, fs.s.clock.Queues} {
		if by == 0 {
			continue
		}
		for _, asked := range desks[i].Counts() {
			n += asked
		}
	}
	return n
}
