package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// BenchmarkTenMillionKeys lists ten million keys through the List tasks alone,
// into a ledger in memory, and counts: every key once, how far the listing
// fans out, and how many more requests it makes than one per 1,000 keys.
func BenchmarkTenMillionKeys(b *testing.B) {
	const keys = 10_000_000
	for range b.N {
		w := newWorld(b)
		if err := w.kodo.Synthesize("photos", kodo.Synthetic{Count: keys, MaxSize: 16 << 10, Depth: 2}); err != nil {
			b.Fatal(err)
		}
		j := w.job(b)
		sites, err := w.config.Connect(j)
		if err != nil {
			b.Fatal(err)
		}
		l := ledger.Open(mem.New(mem.OSS), ".ferry/")
		p := pipeline.New(pipeline.Config{Ledger: l, Open: func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
			return sites.Source, sites.Target, nil
		}})
		const run = "j/20260101T000000Z"
		open, err := p.Start(b.Context(), j, run)
		if err != nil {
			b.Fatal(err)
		}
		before := w.kodo.Desk().Counts()["list"]
		widest := 0
		for len(open) > 0 {
			open = slices.DeleteFunc(open, func(t task.Task) bool { return t.Kind != task.List })
			widest = max(widest, len(open))
			var next []task.Task
			for _, t := range open {
				follow, err := p.Do(b.Context(), t)
				if err != nil {
					b.Fatal(err)
				}
				next = append(next, follow...)
			}
			open = next
		}
		requests := w.kodo.Desk().Counts()["list"] - before
		once(b, l.Run(run), keys)
		walk, err := progress.Walk(b.Context(), l.Run(run))
		if err != nil {
			b.Fatal(err)
		}
		splits := 0
		for _, s := range walk.Shards {
			if len(s.Closed.Children) > 0 {
				splits++
			}
		}
		allowed := int64(keys/1000*102/100 + 16*splits)
		if widest < 32 || requests > allowed {
			b.Errorf("%d ranges side by side, %d requests, want 32 at least and %d at most", widest, requests, allowed)
		}
		b.ReportMetric(float64(len(walk.Shards)), "shards")
		b.ReportMetric(float64(widest), "ranges")
		b.ReportMetric(float64(splits), "splits")
		b.ReportMetric(float64(requests), "requests")
		b.ReportMetric(float64(allowed), "allowed")
	}
}

// once fails unless the batches of all shards hold n keys, none twice: within a
// batch keys rise, so it does that no two batches overlap.
func once(b *testing.B, run *ledger.Run, n int64) {
	b.Helper()
	walk, err := progress.Walk(b.Context(), run)
	if err != nil {
		b.Fatal(err)
	}
	var all []ledger.BatchRef
	for _, s := range walk.Shards {
		all = append(all, s.Closed.Batches...)
	}
	slices.SortFunc(all, func(x, y ledger.BatchRef) int { return strings.Compare(x.First, y.First) })
	sum := int64(0)
	for i, x := range all {
		sum += int64(x.Rows)
		if x.First > x.Last || i > 0 && all[i-1].Last >= x.First {
			b.Fatalf("batch %s overlaps the one before", x.ID)
		}
	}
	if sum != n {
		b.Errorf("%d rows, want %d", sum, n)
	}
}
