// Package testmain runs the tests of packages whose tests mostly wait: for
// processes that they started, for leases, for what passes only with time.
package testmain

import (
	"flag"
	"runtime"
	"strconv"
	"testing"
)

// perProcessor is how many tests run side by side for each processor: such a
// test has work for a processor in about a quarter of its time.
const perProcessor = 4

// Run runs the tests of m, more of them side by side than the testing package's
// default of one a processor, unless go test was given a -parallel of its own. It
// returns the exit code.
func Run(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(perProcessor * runtime.GOMAXPROCS(0))) // a number is always taken
	}
	return m.Run()
}
