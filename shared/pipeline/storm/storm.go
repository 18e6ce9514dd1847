// Package storm drives the true engine through everything that may happen to it.
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
