package pipeline_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets a heap of a few MiB grow to five times what lives in it before it is
// collected: a third of these tests' time was the collector's. Where a test holds large
// objects, it is collected as memory gets short.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1 << 30)
	os.Exit(m.Run())
}
