package batching_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

func TestTheMoreShardsAreGatheredTheFewerBatchesOfEachAreInMemory(t *testing.T) {
	for shards, want := range map[int64]int64{1: 4, 32: 1} {
		synctest.Test(t, func(t *testing.T) {
			var beside, writing, most atomic.Int64
			beside.Store(shards - 1)
			var j job.Job
			j.Limits.BatchBytes = 1 << 40
			b := batching.New(t.Context(), "s", batching.Config{
				Rules: &verdict.Rules{Job: j}, Beside: &beside, Written: func([]ledger.Row) {},
				Write: func(context.Context, string, []ledger.Row) error {
					most.Store(max(most.Load(), writing.Add(1)))
					defer writing.Add(-1)
					time.Sleep(time.Second)
					return nil
				},
			})
			defer b.Stop()
			for n := range 50_000 {
				b.Add(ledger.Row{Src: store.Object{Key: fmt.Sprintf("%06d", n)}, State: ledger.Unchanged})
			}
			found, err := b.Finish()
			if err != nil || found.Counts.Listed.Objects != 50_000 {
				t.Fatalf("%d objects, %v", found.Counts.Listed.Objects, err)
			}
			if most.Load() != want {
				t.Errorf("of %d shards, %d batches of one are written at a time, want %d", shards, most.Load(), want)
			}
		})
	}
}
