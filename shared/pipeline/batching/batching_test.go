package batching_test

import (
	"context"
	"fmt"
	"strings"
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

// TestABatchEndsByWhatItsRowsTake gathers rows in 48 shards at a time: they take some 80 MiB
// together, those that are being written included, whatever they have.
func TestABatchEndsByWhatItsRowsTake(t *testing.T) {
	const shards, most, each = 48, 80 << 20, 528
	long := strings.Repeat("x", 700)
	meta := map[string]string{}
	for n := range 8 {
		meta[fmt.Sprint("name", n)] = long
	}
	for name, tc := range map[string]struct {
		row   ledger.Row
		takes int // bytes besides those of the row itself
		least int // rows of a batch
	}{
		"short keys":        {ledger.Row{Src: store.Object{Key: "a"}}, 7, 1000},
		"long keys":         {ledger.Row{Src: store.Object{Key: long}}, 706, 400},
		"metadata":          {ledger.Row{Src: store.Object{Key: "a", Meta: meta}}, 8 * 705, 90},
		"a row before them": {ledger.Row{Src: store.Object{Key: long}, Dst: &ledger.Dst{}, Was: &ledger.Known{}}, 1000, 400},
		"reasons":           {ledger.Row{Src: store.Object{Key: "a"}, Reason: strings.Repeat("why ", 500)}, 2000, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var beside, rows atomic.Int64
			beside.Store(shards - 1)
			j := job.Job{Limits: job.DefaultLimits()}
			b := batching.New(t.Context(), "s", batching.Config{
				Rules: &verdict.Rules{Job: j}, Beside: &beside, Written: func([]ledger.Row) {},
				Write: func(_ context.Context, _ string, all []ledger.Row) error {
					rows.Store(max(rows.Load(), int64(len(all))))
					return nil
				},
			})
			defer b.Stop()
			for n := range 5000 {
				row := tc.row
				row.Src.Key += fmt.Sprintf("%06d", n)
				row.State = ledger.Conflict
				b.Add(row)
			}
			if _, err := b.Finish(); err != nil {
				t.Fatal(err)
			}
			if takes := rows.Load() * int64(each+tc.takes) * 2 * shards; takes > most {
				t.Errorf("a batch has %d rows, which take %d MiB in %d shards, want %d", rows.Load(), takes>>20, shards, most>>20)
			}
			if rows.Load() < int64(tc.least) {
				t.Errorf("a batch has %d rows, want %d at least", rows.Load(), tc.least)
			}
		})
	}
}
