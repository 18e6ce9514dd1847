package app_test

import (
	"sync"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
)

// storm has half of all answers of both services be 573, 503 or 599 for d. It
// returns how many were, so far.
func (w *world) storm(d time.Duration) func() int64 {
	w.kodo.Desk().Inject(
		chaos.Rule{Op: "*", Kind: chaos.Throttle, Rate: 0.3},
		chaos.Rule{Op: "*", Kind: chaos.Status, Status: 503, Rate: 0.15},
		chaos.Rule{Op: "*", Kind: chaos.Status, Status: 599, Rate: 0.15},
	)
	w.oss.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Throttle, Rate: 0.3}, chaos.Rule{Op: "*", Kind: chaos.Status, Status: 503, Rate: 0.3})
	hits := func() (n int64) {
		for _, desk := range []*chaos.Desk{w.kodo.Desk(), w.oss.Desk()} {
			for _, hit := range desk.Injected() {
				n += hit
			}
		}
		return n
	}
	total := int64(0)
	over := make(chan struct{})
	time.AfterFunc(d, func() {
		defer close(over)
		total = hits()
		w.kodo.Desk().Inject()
		w.oss.Desk().Inject()
	})
	return func() int64 {
		select {
		case <-over:
			return total
		default:
			return hits()
		}
	}
}

// stormy begins a storm when the first object was copied.
func (w *world) stormy(d time.Duration) (hits func() int64, show func(watch.Progress)) {
	var once sync.Once
	count := func() int64 { return 0 }
	return func() int64 { return count() }, func(e watch.Progress) {
		if e.Kind == watch.Settled && d > 0 {
			once.Do(func() { count = w.storm(d) })
		}
	}
}

func (w *world) job(t testing.TB) job.Job {
	t.Helper()
	j, err := job.New(w.src, w.dst, "")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestAThrottleStormFailsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 400)
	j := w.job(t)
	sites, err := w.config.Connect(j)
	if err != nil {
		t.Fatal(err)
	}
	hits, watch := w.stormy(2 * time.Second)
	rep, err := app.Copy(t.Context(), sites, j, agent.CopyOptions{Watch: watch, Capacity: roomy})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d answers were throttled", hits())
	if o := rep.Objects; rep.Result != report.Verified || o.Copied != 400 || o.Verified != 400 || hits() == 0 {
		t.Errorf("%s: %+v after %d throttled answers, want all 400 verified", rep.Result, o, hits())
	}
}

// BenchmarkAThrottleStorm moves 20,000 small objects in the calm, and through 20
// seconds in which half of all answers are 573, 503 or 599.
func BenchmarkAThrottleStorm(b *testing.B) {
	for name, storm := range map[string]time.Duration{"calm": 0, "storm": 20 * time.Second} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				w := newWorld(b)
				if err := w.kodo.Synthesize("photos", kodo.Synthetic{Count: 20_000, MinSize: 8 << 10}); err != nil {
					b.Fatal(err)
				}
				j := w.job(b)
				sites, err := w.config.Connect(j)
				if err != nil {
					b.Fatal(err)
				}
				hits, watch := w.stormy(storm)
				rep, err := app.Copy(b.Context(), sites, j, agent.CopyOptions{Watch: watch, Capacity: roomy})
				if err != nil {
					b.Fatal(err)
				}
				if rep.Result != report.Verified {
					b.Errorf("%s: %+v", rep.Result, rep.Objects)
				}
				b.ReportMetric(rep.Seconds, "s")
				b.ReportMetric(float64(rep.Objects.Failed), "failed")
				b.ReportMetric(float64(hits()), "throttled")
			}
		})
	}
}
