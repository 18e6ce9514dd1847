// Package storm drives the true engine, a deployment of several processes, through
// what services, platforms and people do to it, for tests alone. It sees the engine
// from outside: a deployment on ports, the tasks of its workers, and the ledger.
// Read it in this order:
//
//	storm.go    Run: one storm, and what it came to
//	weather/    Plan, the kinds of things that may happen, and what a seed decides
//	world/      buckets, queues, processes, and what is known of all that happened
//	cast/       the jobs, and who acts besides the engine
//	rules/      what must hold; linear/ whether any order explains the answers
//	driver.go   what happens next in a calm; fate.go what the seed wants
//	corpus.go   seeds that failed; shrink/ looks for the smaller storm that fails in
//	            the same way
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
// Something new that may happen is a weather.Kind in All and an offer or a fault in
// fate.go; somebody new who acts is a world.Actor in cast.New; something new that must
// hold is a method of world.Watch, or a Fail in one of rules. Faults that are known and
// not yet mended stand in world.Exceptions: they are counted, and each is as narrow as it
// can be told.
package storm

import (
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"kodoferry/shared/pipeline/storm/weather"
)

// Outcome is what a storm came to.
type Outcome struct {
	Plan     weather.Plan
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
func Run(t *testing.T, plan weather.Plan, traced bool) (o Outcome) {
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, plan.Seed)
		drv := newDriver(t, plan, traced)
		w := drv.w
		drv.drive()
		drv.stop()
		for _, wrong := range w.Answers.Unexplained() {
			w.Log.Fail("%s", wrong)
		}
		o = Outcome{
			Plan: plan, Failure: w.Log.Failure, Steps: w.Step, Took: time.Since(w.Begun), Wild: w.Wild, Weather: weather.Names(w.Weather),
			Injected: w.Log.Injected, Excepted: w.Log.Excepted, Met: w.Log.Met, Journal: w.Log.Lines,
		}
	})
	return o
}
