package pipeline_test

import (
	"testing"

	"kodoferry/shared/job"
)

// BenchmarkRun moves 5,000 small objects in memory: what the pipeline itself
// costs an object, the ledger and three passes over every key included.
func BenchmarkRun(b *testing.B) {
	const objects = 5000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, func(*job.Job) {})
		w.fill(objects, 1)
		b.StartTimer()
		w.drive(b.Context(), 0, w.start()...)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/objects, "µs/object")
}
