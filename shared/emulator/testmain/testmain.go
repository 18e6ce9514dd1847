// Package testmain runs the tests of packages whose tests mostly wait: for
// processes that they started, for leases, for what passes only with time. It also
// sets the garbage collector for tests that work.
package testmain

import (
	"flag"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// perProcessor is how many tests run side by side for each processor: such a
// test has work for a processor in about a quarter of its time.
const perProcessor = 4

// Run runs the tests of m, more of them side by side than the testing package's
// default of one a processor, unless go test was given a -parallel of its own, and
// with a Roomy heap. It returns the exit code.
func Run(m *testing.M) int {
	Roomy()
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(perProcessor * runtime.GOMAXPROCS(0))) // a number is always taken
	}
	return m.Run()
}

// Roomy lets a heap of a few MiB grow to five times what lives in it before it is
// collected: a third of the time of tests that run pipelines was the collector's. From
// 1 GiB on, it is collected as memory gets short.
func Roomy() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1 << 30)
}
