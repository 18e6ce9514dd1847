package progress_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/progress"
)

func newVast(t testing.TB, shards, batches int, proved bool) (*ledgertest.Vast, *ledger.Run) {
	t.Helper()
	const name = "j/20260101T000000Z"
	v, l := ledgertest.NewVast(t, name, ledger.Started{Job: []byte(`{}`)}, shards, batches, proved)
	return v, l.Run(name)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What a walk holds does not grow by the failures of each shard, nor what a
// glance holds by their batches.
func TestAWalkHoldsLittleOfEachShard(t *testing.T) {
	for name, tc := range map[string]struct {
		shards, batches int
		proved          bool
		look            func(context.Context, *ledger.Run) (progress.Run, error)
		most            uint64 // bytes a shard
	}{
		"a walk, all failed":         {60, 10, true, progress.Walk, 8 << 10},
		"a glance, all failed":       {60, 10, true, progress.Glance, 4 << 10},
		"a glance, many batches":     {60, 400, true, progress.Glance, 4 << 10},
		"a glance, all batches open": {150, 400, false, progress.Glance, 4<<10 + (8<<20)*3/2/150}, // mostOpen, and what appending wastes
	} {
		t.Run(name, func(t *testing.T) {
			v, run := newVast(t, tc.shards, tc.batches, tc.proved)
			if !tc.proved {
				v.Long = strings.Repeat("long", 75)
			}
			before := heap()
			p, err := tc.look(t.Context(), run)
			held := int64(heap()) - int64(before)
			if err != nil {
				t.Fatal(err)
			}
			if held > int64(tc.most)*int64(tc.shards)+1<<20 {
				t.Errorf("it holds %d KiB, %d bytes a shard, want at most %d", held>>10, held/int64(tc.shards), tc.most)
			}
			if len(p.Shards) != tc.shards {
				t.Errorf("%d shards, want %d", len(p.Shards), tc.shards)
			}
			if tc.proved && (len(p.Failures) != ledger.MaxFailures || p.Failures[0].Key != "photos/2021/02/0/00000000.jpg" || p.Failures[999].Key != "photos/2021/02/0/00000999.jpg") {
				t.Errorf("%d failures, want the first 1,000 by key", len(p.Failures))
			}
			open := int64(0)
			for _, s := range p.Shards {
				open += s.Left.Batches
			}
			if want := int64(tc.shards * tc.batches); !tc.proved && open != want {
				t.Errorf("%d batches are open, want %d counted though not all are held", open, want)
			}
			runtime.KeepAlive(p)
		})
	}
}

// How long a walk takes and what it holds at most, at 20,000 shards of 1,000
// failures each and 30 ms a request.
func BenchmarkAWalkWhereAllFailed(b *testing.B) {
	for name, look := range map[string]func(context.Context, *ledger.Run) (progress.Run, error){"walk": progress.Walk, "glance": progress.Glance} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				v, run := newVast(b, 20_000, 12, true)
				v.Slow = 30 * time.Millisecond
				v.Requests.Store(0)
				stop := ledgertest.PeakHeap()
				p, err := look(b.Context(), run)
				most := stop()
				if err != nil || len(p.Shards) != 20_000 {
					b.Fatal(len(p.Shards), err)
				}
				b.ReportMetric(float64(most)/(1<<20), "MiB-most")
				b.ReportMetric(float64(v.Requests.Load()), "requests")
			}
		})
	}
}
