// Package storm drives the true engine, a deployment of several processes, through
// what services, platforms and people do to it, for tests alone. It sees the engine
// from outside: a deployment on ports, the tasks of its workers, and the ledger.
// Read it in this order:
//
//	storm.go    Run: one storm, and what it came to
//	weather.go  Plan, and the kinds of things that may happen
//	dice.go     what a seed decides
//	world.go    buckets, queues, the job, processes and what they do
//	ports.go    a bucket and a queue as one process sees them; pile.go a queue
//	driver.go   what happens next: calm, or as the seed wants it
//	tenants.go  the jobs; choice.go what of the source each chooses
//	actors.go   who acts besides: sweeper, owner of the source, application;
//	            operator.go who begins runs, steer.go who stops them, clean.go who
//	            removes what they leave; limits.go what bounds them, and who changes
//	            that; versions.go a deployment half upgraded; events.go what the
//	            source notifies of, kept jobs and timers
//	week.go     a calm of many jobs and days
//	history.go  what ever stood under each key
//	check.go    what must hold at each change and at a run's end; Exceptions
//	linear.go   whether any order explains the answers
//	shrink.go   the smaller storm that fails in the same way; corpus.go seeds that did
//
// A storm runs in a bubble of testing/synctest, whose time passes only where the
// driver lets it. Every call of a port waits until the one goroutine of the driver
// lets it go on, with a verdict: that it fails, that its answer is lost, that its
// body is damaged, that its process dies. Between two steps all goroutines of the
// engine wait for something, so that a seed repeats a storm to the letter. That asks
// three things of the engine: it draws what is random by shared/random and
// ledger.Nonce, it follows no order of a map where that shows, and it holds no
// sync.Mutex while it calls a port, for a bubble does not see who waits for one.
//
// Each step that the seed decides may be made calm, and everything else is drawn as
// it was: that is how a storm is shrunk. Behind some hundred steps it is calm for
// good, and everything must come to its end within bounds of steps and time.
//
// Something new that may happen is a Weather in All and an offer or a fault in
// driver.go; somebody new who acts is an actor in newWorld; something new that must
// hold is a w.fail in check.go. Faults that are known and not yet mended stand in
// Exceptions: they are counted, and each is as narrow as it can be told.
package storm

import (
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"
)

// Outcome is what a storm came to.
type Outcome struct {
	Plan     Plan
	Failure  string // what is not as it must be; "": all is
	Steps    int
	Took     time.Duration // of the storm's own time
	Wild     []int         // the steps that the seed decided
	Weather  []string
	Injected map[string]int
	Excepted map[string]int
	Met      map[string]int // what the engine came to: rows by state, results of runs
	Journal  []string
}

// Run runs a storm. It fails no test: the outcome tells. With traced it writes
// down each step.
func Run(t *testing.T, plan Plan, traced bool) (o Outcome) {
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, plan.Seed)
		w := newWorld(t, plan, traced)
		w.drive()
		w.stop()
		w.linear()
		o = Outcome{
			Plan: plan, Failure: w.failure, Steps: w.step, Took: time.Since(w.begun), Wild: w.wild, Weather: names(w.weather),
			Injected: w.injected, Excepted: w.excepted, Met: w.met, Journal: w.journal,
		}
	})
	return o
}
