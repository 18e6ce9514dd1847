package main

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/task"
)

// stormStatuses are the answers of each service in place of one in twenty of its own; those
// above 511 are of Kodo alone.
var stormStatuses = []int{500, 502, 503, throttled, 599}

const throttled = 573 // how Kodo throttles

const (
	stormRefused = 0.05 // answers that are one of stormStatuses
	stormRate    = 0.01 // of resets, of both kinds, of lost answers and slow ones
	stormFlips   = 0.02 // of downloads
	stormEmpty   = 0.1  // of pages of listings
	stormQueues  = 0.05 // of messages, for each kind of misbehaviour
	stormLost    = 0.02 // of messages, each of which costs its run some seconds
	stormRaised  = 0.5  // of what was not met yet when a part of the time is over
	stormLate    = 3 * time.Second
	stormSlow    = 300 * time.Millisecond
	killEvery    = 2500 * time.Millisecond // about
)

// stormKind is a kind of fault, and how many of it there were.
type stormKind struct {
	name  string // with --json
	what  string
	count func(*storm) int64
}

const clockKind = "clock"

// stormKinds are all there are. A storm in which one of them is not met fails.
func stormKinds() []stormKind {
	kinds := []stormKind{
		{"killed", "processes killed", (*storm).killed},
		{"twice", "messages delivered twice", func(s *storm) int64 { return int64(s.queues().Duplicated) }},
		{"five", "messages delivered five times", func(s *storm) int64 { return int64(s.queues().Fivefold) }},
		{"order", "messages delivered before older ones", func(s *storm) int64 { return int64(s.queues().Reordered) }},
		{"late", "messages delivered late", func(s *storm) int64 { return int64(s.queues().Late) }},
		{"never", "messages delivered never", func(s *storm) int64 { return int64(s.queues().Lost) }},
		{"unsent", "messages not taken", func(s *storm) int64 { return int64(s.queues().Refused) }},
	}
	for _, status := range stormStatuses {
		kinds = append(kinds, stormKind{strconv.Itoa(status), "answers of " + strconv.Itoa(status), func(s *storm) int64 { return s.refused(status) }})
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
		kinds = append(kinds, stormKind{string(k.kind), k.what, func(s *storm) int64 { return s.injected(k.kind) }})
	}
	return append(kinds,
		stormKind{clockKind, "requests between clocks 10 minutes apart", (*storm).askedOff},
		stormKind{"overwritten", "objects overwritten at the source", func(s *storm) int64 { return s.did(overwrote) }},
		stormKind{"deleted", "objects deleted at the source", func(s *storm) int64 { return s.did(deleted) }},
		stormKind{"written", "objects written by the application", func(s *storm) int64 { return s.did(wrote) }},
		stormKind{"removed", "objects deleted by the application", func(s *storm) int64 { return s.did(removedCopy) }},
	)
}

// desks are those of all services.
func (s *storm) desks() []*chaos.Desk {
	w := s.world
	if w.sqs != nil {
		return []*chaos.Desk{w.kodo.Desk(), w.oss.Desk(), w.sqs.Desk()}
	}
	return []*chaos.Desk{w.kodo.Desk(), w.oss.Desk(), w.mns.Desk()}
}

func (s *storm) injected(k chaos.Kind) (n int64) {
	for _, d := range s.desks() {
		n += d.Injected()[k]
	}
	return n
}

func (s *storm) refused(status int) (n int64) {
	if status == throttled {
		n = s.injected(chaos.Throttle)
	}
	for _, d := range s.desks() {
		n += d.Refused()[status]
	}
	return n
}

// queues is what the queues did.
func (s *storm) queues() mns.Injected {
	if s.world.sqs != nil {
		return s.world.sqs.Injected()
	}
	return s.world.mns.Injected()
}

func (s *storm) killed() (n int64) {
	if s.world.cloud == nil {
		return s.kills.Load()
	}
	for _, stats := range s.world.cloud.Stats() {
		n += int64(stats.Kills)
	}
	return n
}

func (s *storm) did(a act) (n int64) {
	for _, m := range s.moves {
		n += m.acts[a].Load()
	}
	return n
}

// misbehave lets all faults of services and queues loose until ctx ends. What was not met
// in the first third of the time comes more often from then on, for a short storm.
func (s *storm) misbehave(ctx context.Context) {
	raise := time.Now().Add(s.options.storm / 3)
	tick := time.NewTicker(min(time.Second, s.options.storm/10))
	defer tick.Stop()
	s.inject(func(_ bool, rate float64) float64 { return rate })
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if time.Now().After(raise) {
			s.inject(func(met bool, rate float64) float64 {
				if met {
					return rate
				}
				return stormRaised
			})
		}
	}
}

// inject sets every fault, at what rate says of whether it was met and of its usual rate.
func (s *storm) inject(rate func(met bool, usual float64) float64) {
	of := func(k chaos.Kind, usual float64) float64 { return rate(s.injected(k) > 0, usual) }
	for i, d := range s.desks() {
		rules := []chaos.Rule{
			{Op: "*", Kind: chaos.Latency, Rate: of(chaos.Latency, stormRate), Delay: stormSlow},
			{Op: "*", Kind: chaos.Cut, Rate: of(chaos.Cut, stormRate)},
			{Op: "*", Kind: chaos.Reset, Rate: of(chaos.Reset, stormRate)},
			{Op: "*", Kind: chaos.Lost, Rate: of(chaos.Lost, stormRate)},
			{Op: "*", Kind: chaos.EmptyPage, Rate: of(chaos.EmptyPage, stormEmpty)},
		}
		if i == 0 { // elsewhere nothing but TLS, which stand-ins do not speak, could tell
			rules = append(rules, chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: of(chaos.Flip, stormFlips)})
		}
		for _, status := range stormStatuses {
			if i > 0 && status > 511 {
				continue
			}
			rules = append(rules, chaos.Rule{Op: "*", Kind: chaos.Status, Status: status, Rate: rate(s.refused(status) > 0, stormRefused/float64(len(stormStatuses)))})
		}
		d.Inject(rules...)
	}
	done := s.queues()
	bad := mns.Misbehaviour{
		Duplicate: rate(done.Duplicated > 0, stormQueues), Five: rate(done.Fivefold > 0, stormQueues), Reorder: rate(done.Reordered > 0, stormQueues),
		Refuse: rate(done.Refused > 0, stormQueues), Lose: rate(done.Lost > 0, stormLost), Late: rate(done.Late > 0, stormQueues), LateBy: stormLate,
	}
	s.setQueues(bad)
}

func (s *storm) setQueues(bad mns.Misbehaviour) {
	if s.world.sqs != nil {
		s.world.sqs.Misbehave(bad)
		return
	}
	s.world.mns.Misbehave(bad)
}

// calmDown ends all faults but the wrong clock.
func (s *storm) calmDown() {
	s.calm.Store(true)
	s.clock.asked = s.askedOff()
	for _, d := range s.desks() {
		d.Inject()
	}
	s.setQueues(mns.Misbehaviour{})
	s.log.note("the storm is over")
}

// killNow kills one process after the other that is in the middle of a task, until ctx ends.
func (s *storm) killNow(ctx context.Context) {
	if s.world.cloud == nil {
		<-ctx.Done() // agents have their own
		return
	}
	dice := s.dice(3)
	for {
		wait := killEvery/2 + rand.N(killEvery)
		if s.killed() == 0 {
			wait = 50 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		for range 200 { // until one is at work
			name := string(task.Stages[dice.IntN(len(task.Stages))])
			if s.world.cloud.Kill(demoQueues + name) {
				s.log.note("an instance of %s is killed", name)
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

// stormClock says whose clock is wrong.
type stormClock struct {
	clocks
	whose string
	asked int64 // requests with it, once the storm is over
}

const wrongBy = 10 * time.Minute

// wrongClock draws one. Of an instance it is wrong where those of all services differ
// from its own. SQS takes no clock but the right one: it allows 5 minutes.
func wrongClock(dice *rand.Rand, platform string) stormClock {
	by, how := wrongBy, "10 minutes ahead of"
	if dice.IntN(2) == 0 {
		by, how = -wrongBy, "10 minutes behind"
	}
	all := []stormClock{
		{clocks: clocks{source: by}, whose: "the source's clock is " + how + " all others"},
		{clocks: clocks{target: by}, whose: "the target's clock is " + how + " all others"},
		{clocks: clocks{source: by, target: by, queues: by}, whose: "the clocks of all services are " + how + " those of the processes"},
		{clocks: clocks{queues: by}, whose: "the queues' clock is " + how + " all others"},
	}
	if platform == onLambda {
		all = all[:2]
	}
	return all[dice.IntN(len(all))]
}

// askedOff counts the requests to services whose clock is wrong.
func (s *storm) askedOff() (n int64) {
	if s.clock.asked > 0 {
		return s.clock.asked
	}
	desks := s.desks()
	for i, by := range []time.Duration{s.clock.source, s.clock.target, s.clock.queues} {
		if by == 0 {
			continue
		}
		for _, asked := range desks[i].Counts() {
			n += asked
		}
	}
	return n
}
