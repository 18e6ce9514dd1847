// Package weather says what a storm is made of: its plan, the kinds of things that may
// happen in it, and what its seed decides.
package weather

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan is a storm: a seed, and what of it is left out. The zero Plan but for
// its seed is all of it.
type Plan struct {
	Seed    uint64
	Without map[string]bool // kinds of weather, and objects of the source, that are left out
	Only    map[int]bool    // the steps that the seed decides; the others are calm. nil: all
	Long    Long            // a calm of days in place of a storm; zero: none
}

// Long is a calm of days, in which many jobs of one source run side by side, each
// once a day, and some follow events: it shows what gathers with time.
type Long struct{ Jobs, Days int }

// Kind is a kind of thing that may happen in a storm. A seed chooses some of
// them: a storm that has few kinds meets more of what these do together.
type Kind string

// Faults are what the services and the platform do to the engine.
const (
	Deaths      Kind = "deaths"       // a process dies before or after a call
	Lost        Kind = "lost"         // a queue loses a message that it took
	Doubled     Kind = "doubled"      // the queue takes one message for two
	Redelivered Kind = "redelivered"  // the queue delivers one again that is at work
	Unacked     Kind = "unacked"      // the queue delivers one again that is done
	Late        Kind = "late"         // messages and calls take minutes
	Disorder    Kind = "disorder"     // messages and calls overtake one another
	Failures    Kind = "failures"     // a call fails and has no effect
	LostAnswers Kind = "lost answers" // a call has its effect and fails
	Strays      Kind = "strays"       // a part comes after it failed, and perhaps damaged
	Throttles   Kind = "throttles"    // a service asks to slow down
	Flipped     Kind = "flipped"      // a bit of a body changes on its way
	Truncated   Kind = "truncated"    // a body ends early
	Versions    Kind = "versions"     // messages of the next version come before it
	Agents      Kind = "agents"       // some workers are agents, which may be told to end
	Deadlines   Kind = "deadlines"    // the workers are functions, which have 290 s
	Sweeps      Kind = "sweeps"       // sweeps come at any time
)

// What people and their programs do meanwhile.
const (
	Writes     Kind = "source writes"       // objects appear and change at the source
	Deletions  Kind = "source deletions"    // and vanish
	AppWrites  Kind = "application writes"  // the application writes in the target
	AppDeletes Kind = "application deletes" // and deletes
)

// What the job is like.
const (
	Delta     Kind = "delta"     // a second run follows the first
	Mirror    Kind = "mirror"    // the job removes what the source no longer has
	Shards    Kind = "shards"    // few keys a shard
	Batches   Kind = "batches"   // few objects a batch
	Parts     Kind = "parts"     // larger objects go in parts; the source has hashes that its bytes do not tell
	Large     Kind = "large"     // one object goes in several parts, under a hash that its bytes tell
	Few       Kind = "few"       // few tries
	Present   Kind = "present"   // the target has objects of the application from the beginning
	Always    Kind = "always"    // the source wins over what the application wrote
	Jobs      Kind = "jobs"      // there are several, of one source
	Filters   Kind = "filters"   // the job does not choose all of the source
	Lists     Kind = "lists"     // the job has a list of keys
	Pauses    Kind = "pauses"    // runs are paused, and resumed
	Cancels   Kind = "cancels"   // runs are cancelled
	Seals     Kind = "seals"     // the job is ended for good
	Cleans    Kind = "cleans"    // what runs leave behind is removed
	Events    Kind = "events"    // the job follows the source's notifications
	Schedules Kind = "schedules" // timers begin its runs
	Removes   Kind = "removes"   // the job is removed from the ledger
	Retries   Kind = "retries"   // what failed in a run is tried again in another
	Limits    Kind = "limits"    // the bandwidth, or how many processes copy, is bounded, and that is changed
)

// All lists every kind of weather, with how many seeds of 100 have it.
var All = []struct {
	Kind
	Percent int
}{
	{Deaths, 50}, {Lost, 30}, {Doubled, 40}, {Redelivered, 40}, {Unacked, 40}, {Late, 40}, {Disorder, 80},
	{Failures, 40}, {LostAnswers, 50}, {Strays, 50}, {Throttles, 25}, {Flipped, 25}, {Truncated, 25}, {Deadlines, 50}, {Versions, 20}, {Agents, 30}, {Sweeps, 30},
	{Writes, 50}, {Deletions, 35}, {AppWrites, 40}, {AppDeletes, 25},
	{Delta, 45}, {Mirror, 35}, {Shards, 50}, {Batches, 60}, {Parts, 35}, {Large, 3}, {Few, 20}, {Present, 30}, {Always, 10},
	{Jobs, 25}, {Filters, 20}, {Lists, 15}, {Retries, 40},
	{Pauses, 30}, {Cancels, 15}, {Seals, 12}, {Cleans, 25},
	{Events, 15}, {Schedules, 15}, {Removes, 8}, {Limits, 15},
}

// Of is the weather of a plan.
func Of(p Plan) map[Kind]bool {
	if p.Long.Days > 0 {
		return lasting()
	}
	d := Dice{p.Seed}
	has := map[Kind]bool{}
	for _, w := range All {
		has[w.Kind] = !p.Without[string(w.Kind)] && d.Chance(w.Percent, string(w.Kind), 0)
	}
	if has[Parts] || has[Large] { // the ledger keeps no job with parts as small as these
		for _, w := range []Kind{Events, Schedules, Removes} {
			delete(has, w)
		}
	}
	if has[Large] { // millions of bytes at a few a second
		delete(has, Limits)
	}
	return has
}

// lasting is the weather of a long calm: what its jobs are like.
func lasting() map[Kind]bool {
	return map[Kind]bool{Jobs: true, Schedules: true, Events: true, Mirror: true, Shards: true, Batches: true}
}

// Parse reads what a plan is to leave out: names of weather, with commas in
// between. Its error names one that is none.
func Parse(names string) (without map[string]bool, err error) {
	without = map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.ContainsFunc(All, func(w struct {
			Kind
			Percent int
		}) bool {
			return string(w.Kind) == name
		}) {
			return nil, fmt.Errorf("the storm knows no weather %q", name)
		}
		without[name] = true
	}
	return without, nil
}

// Names lists a set in order.
func Names[K ~string](set map[K]bool) []string {
	var all []string
	for name := range maps.Keys(set) {
		if set[name] {
			all = append(all, string(name))
		}
	}
	slices.Sort(all)
	return all
}
