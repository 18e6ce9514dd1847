package storm

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

// Weather is a kind of thing that may happen in a storm. A seed chooses some of
// them: a storm that has few kinds meets more of what these do together.
type Weather string

// Faults are what the services and the platform do to the engine.
const (
	Deaths      Weather = "deaths"       // a process dies before or after a call
	Lost        Weather = "lost"         // a queue loses a message that it took
	Doubled     Weather = "doubled"      // it takes one message for two
	Redelivered Weather = "redelivered"  // it delivers one again that is at work
	Unacked     Weather = "unacked"      // it delivers one again that is done
	Late        Weather = "late"         // messages and calls take minutes
	Disorder    Weather = "disorder"     // messages and calls overtake one another
	Failures    Weather = "failures"     // a call fails and has no effect
	LostAnswers Weather = "lost answers" // a call has its effect and fails
	Strays      Weather = "strays"       // a part comes after it failed, and perhaps damaged
	Throttles   Weather = "throttles"    // a service asks to slow down
	Flipped     Weather = "flipped"      // a bit of a body changes on its way
	Truncated   Weather = "truncated"    // a body ends early
	Versions    Weather = "versions"     // messages of the next version come before it
	Agents      Weather = "agents"       // some workers are agents, which may be told to end
	Deadlines   Weather = "deadlines"    // the workers are functions, which have 290 s
	Sweeps      Weather = "sweeps"       // sweeps come at any time
)

// What people and their programs do meanwhile.
const (
	Writes     Weather = "source writes"       // objects appear and change at the source
	Deletions  Weather = "source deletions"    // and vanish
	AppWrites  Weather = "application writes"  // the application writes in the target
	AppDeletes Weather = "application deletes" // and deletes
)

// What the job is like.
const (
	Delta     Weather = "delta"     // a second run follows the first
	Mirror    Weather = "mirror"    // it removes what the source no longer has
	Shards    Weather = "shards"    // few keys a shard
	Batches   Weather = "batches"   // few objects a batch
	Parts     Weather = "parts"     // larger objects go in parts; the source has hashes that its bytes do not tell
	Large     Weather = "large"     // one object goes in several parts, under a hash that its bytes tell
	Few       Weather = "few"       // few tries
	Present   Weather = "present"   // the target has objects of the application from the beginning
	Always    Weather = "always"    // the source wins over what the application wrote
	Jobs      Weather = "jobs"      // there are several, of one source
	Filters   Weather = "filters"   // it does not choose all of the source
	Lists     Weather = "lists"     // it has a list of keys
	Pauses    Weather = "pauses"    // runs are paused, and resumed
	Cancels   Weather = "cancels"   // runs are cancelled
	Seals     Weather = "seals"     // the job is ended for good
	Cleans    Weather = "cleans"    // what runs leave behind is removed
	Events    Weather = "events"    // the job follows the source's notifications
	Schedules Weather = "schedules" // timers begin its runs
	Removes   Weather = "removes"   // it is removed from the ledger
	Retries   Weather = "retries"   // what failed in a run is tried again in another
	Limits    Weather = "limits"    // the bandwidth, or how many processes copy, is bounded, and that is changed
)

// All lists every kind of weather, with how many seeds of 100 have it.
var All = []struct {
	Weather
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

// weatherOf is the weather of a plan.
func weatherOf(p Plan) map[Weather]bool {
	if p.Long.Days > 0 {
		return lasting()
	}
	d := dice{p.Seed}
	has := map[Weather]bool{}
	for _, w := range All {
		has[w.Weather] = !p.Without[string(w.Weather)] && d.chance(w.Percent, string(w.Weather), 0)
	}
	if has[Parts] || has[Large] { // the ledger keeps no job with parts as small as these
		for _, w := range []Weather{Events, Schedules, Removes} {
			delete(has, w)
		}
	}
	if has[Large] { // millions of bytes at a few a second
		delete(has, Limits)
	}
	return has
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
			Weather
			Percent int
		}) bool {
			return string(w.Weather) == name
		}) {
			return nil, fmt.Errorf("the storm knows no weather %q", name)
		}
		without[name] = true
	}
	return without, nil
}

// names lists a set in order.
func names[K ~string](set map[K]bool) []string {
	var all []string
	for name := range maps.Keys(set) {
		if set[name] {
			all = append(all, string(name))
		}
	}
	slices.Sort(all)
	return all
}
