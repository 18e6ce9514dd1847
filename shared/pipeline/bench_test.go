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

// BenchmarkTwoProcessesShareABandwidth moves 100 MiB by two processes that may
// read 20 MiB a second together, on the real clock. It takes five seconds.
func BenchmarkTwoProcessesShareABandwidth(b *testing.B) {
	const objects, size = 100, mib
	for b.Loop() {
		b.StopTimer()
		f := newFleet(b, func(j *job.Job) { j.Limits.Bandwidth.Rate, j.Limits.BatchObjects = 20*mib, 5 })
		f.objects(objects, size)
		f.process("one")
		f.process("two")
		b.StartTimer()
		f.start()
		f.wait()
		last := f.read[len(f.read)-1].at.Seconds()
		b.ReportMetric(objects*size/mib/(last-f.read[0].at.Seconds()), "MiB/s")
		b.ReportMetric(f.rate(&f.read, "one", 0, 60)*60/mib, "MiB/one")
	}
}
