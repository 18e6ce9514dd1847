package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// failed is the ledger of a run of many shards, in a chain, each of which is
// verified and names MaxFailures failures: the records are made up when
// somebody asks, so that they take no memory themselves.
type failed struct {
	*mem.Bucket
	base     string
	shards   int
	batches  int
	proved   bool   // by this version; false: nothing is verified, and nothing written off
	long     string // in each key
	slow     time.Duration
	requests atomic.Int64
	failures []byte
}

func newFailed(t testing.TB, shards, batches int, proved bool) (*failed, *ledger.Run) {
	t.Helper()
	f := &failed{Bucket: mem.New(mem.OSS), shards: shards, batches: batches, proved: proved}
	run := ledger.Open(f, ".ferry/").Run("j/20260101T000000Z")
	f.base = run.Path("")
	if _, err := run.Start(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: f.name(0)}}); err != nil {
		t.Fatal(err)
	}
	var all []ledger.Failure
	for k := range ledger.MaxFailures {
		all = append(all, ledger.Failure{Key: fmt.Sprintf("/photos/2021/02/@@@@@@@@/%08d.jpg", k), State: ledger.Failed, Reason: `OSS takes no key that begins with '/'; give the target a prefix, as in oss://bucket/old/`})
	}
	f.failures, _ = json.Marshal(all)
	return f, run
}

func (f *failed) name(i int) string { return fmt.Sprintf("s%07d", i) }

func (f *failed) closing(i int) ledger.Closed {
	c := ledger.Closed{V: ledger.Version, Shard: f.name(i), Range: store.Range{After: fmt.Sprintf("/photos/2021/02/s%07d", i)}}
	c.Counts.Listed = ledger.Tally{Objects: int64(500 * f.batches), Bytes: 1 << 30}
	for k := range f.batches {
		c.Batches = append(c.Batches, ledger.BatchRef{ID: batchID(c.Shard, k), First: fmt.Sprintf("photos/2021/02/%s%08d.jpg", f.long, k), Last: fmt.Sprintf("photos/2021/02/%s%08d.jpg", f.long, k+1), Rows: 500, Pending: 500, Bytes: 1 << 20})
	}
	if i+1 < f.shards {
		c.Children = []ledger.ShardRef{{Shard: f.name(i + 1), Range: store.Range{After: fmt.Sprintf("/photos/2021/02/s%07d", i+1)}}}
	}
	return c
}

func (f *failed) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	f.requests.Add(1)
	time.Sleep(f.slow)
	folder, shard, _ := strings.Cut(strings.TrimPrefix(o.Key, f.base), "/")
	if folder != "closed" && folder != "verified" {
		return f.Bucket.Open(ctx, o, off, n)
	}
	var i int
	_, _ = fmt.Sscanf(shard, "s%d", &i)
	c := f.closing(i)
	data, _ := json.Marshal(c)
	if folder == "verified" {
		all := ledger.Tally{Objects: int64(500 * f.batches), Bytes: 1 << 30}
		p := ledger.Proved{V: ledger.Version, Shard: shard, Was: c.Was(), Counts: ledger.Counts{Listed: all, States: map[ledger.State]ledger.Tally{ledger.Failed: all}}}
		p.Objects = ledger.File{Name: "objects/" + shard + "-abcdefgh.csv.gz", Rows: all.Objects, SHA256: strings.Repeat("0", 64)}
		data, _ = json.Marshal(p)
		data = append(append(data[:len(data)-1:len(data)-1], `,"failures":`...), bytes.ReplaceAll(f.failures, []byte("@@@@@@@@"), []byte(shard))...)
		data = append(data, '}')
	}
	o.Size = int64(len(data))
	return o, io.NopCloser(bytes.NewReader(data)), nil
}

func (f *failed) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	folder := strings.TrimPrefix(r.Prefix, f.base)
	if folder != "closed/" && (folder != "verified/" || !f.proved) {
		f.requests.Add(1)
		time.Sleep(f.slow)
		return f.Bucket.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		for i := range f.shards {
			if i%1000 == 0 {
				f.requests.Add(1)
				time.Sleep(f.slow)
			}
			size := int64(len(f.failures))
			if folder == "closed/" {
				size = int64(150 * (f.batches + 2))
			}
			if !yield(store.Object{Key: r.Prefix + f.name(i), Size: size}, nil) {
				return
			}
		}
	}
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
		look            func(*ledger.Run, context.Context) (ledger.Progress, error)
		most            uint64 // bytes a shard
	}{
		"a walk, all failed":         {60, 10, true, (*ledger.Run).Walk, 8 << 10},
		"a glance, all failed":       {60, 10, true, (*ledger.Run).Glance, 4 << 10},
		"a glance, many batches":     {60, 400, true, (*ledger.Run).Glance, 4 << 10},
		"a glance, all batches open": {150, 400, false, (*ledger.Run).Glance, 4<<10 + (8<<20)*3/2/150}, // mostOpen, and what appending wastes
	} {
		t.Run(name, func(t *testing.T) {
			f, run := newFailed(t, tc.shards, tc.batches, tc.proved)
			if !tc.proved {
				f.long = strings.Repeat("long", 75)
			}
			before := heap()
			p, err := tc.look(run, t.Context())
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
			if tc.proved && (len(p.Failures) != ledger.MaxFailures || p.Failures[0].Key != "/photos/2021/02/s0000000/00000000.jpg" || p.Failures[999].Key != "/photos/2021/02/s0000000/00000999.jpg") {
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
	for name, look := range map[string]func(*ledger.Run, context.Context) (ledger.Progress, error){"walk": (*ledger.Run).Walk, "glance": (*ledger.Run).Glance} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				f, run := newFailed(b, 20_000, 12, true)
				f.slow = 30 * time.Millisecond
				f.requests.Store(0)
				stop, most := make(chan struct{}), make(chan uint64)
				go func() {
					top := uint64(0)
					var m runtime.MemStats
					for {
						select {
						case <-stop:
							most <- top
							return
						case <-time.After(50 * time.Millisecond):
							runtime.ReadMemStats(&m)
							top = max(top, m.HeapInuse)
						}
					}
				}()
				p, err := look(run, b.Context())
				close(stop)
				if err != nil || len(p.Shards) != 20_000 {
					b.Fatal(len(p.Shards), err)
				}
				b.ReportMetric(float64(<-most)/(1<<20), "MiB-most")
				b.ReportMetric(float64(f.requests.Load()), "requests")
			}
		})
	}
}
