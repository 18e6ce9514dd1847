// Package ledgertest has ledgers for tests that no run has to be made for.
package ledgertest

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

// Vast is the bucket of a run of many shards in a chain, under ".ferry/". All of them are
// listed, and either verified, with MaxFailures failures each, or nothing of them is copied.
// Their records are made up when they are read, so that they take no memory.
type Vast struct {
	*mem.Bucket
	Shards, Batches int           // Batches of each shard
	Proved          bool          // the shards are verified
	Long            string        // in each key
	Slow            time.Duration // each request
	Requests        atomic.Int64
	Putting         func(key string) // before each PUT; may be nil

	base     string
	failures []byte
}

// NewVast begins the run of that name in a vast ledger.
func NewVast(t testing.TB, run string, started ledger.Started, shards, batches int, proved bool) (*Vast, *ledger.Ledger) {
	t.Helper()
	v := &Vast{Bucket: mem.New(mem.OSS), Shards: shards, Batches: batches, Proved: proved}
	l := ledger.Open(v, ".ferry/")
	v.base = l.Run(run).Path("")
	if !started.At.IsZero() {
		v.Now = func() time.Time { return started.At }
	}
	started.Root = ledger.ShardRef{Shard: Shard(0)}
	if _, err := l.Run(run).CreateStarted(t.Context(), started); err != nil {
		t.Fatal(err)
	}
	v.Now = time.Now
	var all []ledger.Failure
	for k := range ledger.MaxFailures {
		all = append(all, ledger.Failure{Key: fmt.Sprintf("photos/2021/02/@@@@@@@@/%08d.jpg", k), State: ledger.Failed, Reason: "the source does not serve it: 500, asked 15 times; see whether its owner can read it"})
	}
	v.failures, _ = json.Marshal(all) // of strings and numbers
	return v, l
}

// Shard is the name of the i-th shard, in the order of their names.
func Shard(i int) string {
	if i == 0 {
		return ledger.RootShard
	}
	return fmt.Sprintf("s%07d", i)
}

func (v *Vast) closed(i int) ledger.Closed {
	at := func(i int) string { return "photos/2021/02/" + Shard(i) }
	c := ledger.Closed{V: ledger.Version, Shard: Shard(i), Range: store.Range{After: at(i)}}
	c.Counts.Listed = v.listed()
	for k := range v.Batches {
		id := fmt.Sprintf("%s-abcdefgh%05d", c.Shard, k)
		c.Batches = append(c.Batches, ledger.BatchRef{ID: id, First: fmt.Sprintf("%s/%s%08d.jpg", at(i), v.Long, k), Last: fmt.Sprintf("%s/%s%08d.jpg", at(i), v.Long, k+1), Rows: 500, Pending: 500, Bytes: 1 << 20})
	}
	if i+1 < v.Shards {
		c.Children = []ledger.ShardRef{{Shard: Shard(i + 1), Range: store.Range{After: at(i + 1)}}}
	}
	return c
}

// listed is what each shard holds.
func (v *Vast) listed() ledger.Tally {
	return ledger.Tally{Objects: int64(500 * v.Batches), Bytes: 1 << 30}
}

func (v *Vast) verified(c ledger.Closed) []byte {
	all := v.listed()
	p := ledger.Proved{V: ledger.Version, Shard: c.Shard, Was: c.Was(), Counts: ledger.Counts{Listed: all, States: map[ledger.State]ledger.Tally{ledger.Failed: all}}}
	p.Objects = ledger.File{Name: "objects/" + c.Shard + "-abcdefgh.csv.gz", Rows: all.Objects, SHA256: strings.Repeat("0", 64)}
	data, _ := json.Marshal(p)
	data = append(append(data[:len(data)-1:len(data)-1], `,"failures":`...), bytes.ReplaceAll(v.failures, []byte("@@@@@@@@"), []byte(c.Shard))...)
	return append(data, '}')
}

func (v *Vast) wait() {
	v.Requests.Add(1)
	time.Sleep(v.Slow)
}

// Open implements store.Source.
func (v *Vast) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	v.wait()
	folder, shard, _ := strings.Cut(strings.TrimPrefix(o.Key, v.base), "/")
	if folder != "closed" && folder != "verified" {
		return v.Bucket.Open(ctx, o, off, n)
	}
	var i int
	_, _ = fmt.Sscanf(shard, "s%d", &i) // the root stays 0
	c := v.closed(i)
	data, _ := json.Marshal(c)
	if folder == "verified" {
		data = v.verified(c)
	}
	o.Size = int64(len(data))
	return o, io.NopCloser(bytes.NewReader(data)), nil
}

// Put implements store.Target.
func (v *Vast) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	v.wait()
	if v.Putting != nil {
		v.Putting(o.Key)
	}
	return v.Bucket.Put(ctx, o, body, how)
}

// Stat implements store.Source.
func (v *Vast) Stat(ctx context.Context, key string) (store.Object, error) {
	v.wait()
	return v.Bucket.Stat(ctx, key)
}

// List implements store.Source.
func (v *Vast) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	folder := strings.TrimPrefix(r.Prefix, v.base)
	if folder != "closed/" && (folder != "verified/" || !v.Proved) {
		v.wait()
		return v.Bucket.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		size := int64(len(v.failures))
		if folder == "closed/" {
			size = int64(150 * (v.Batches + 2))
		}
		for i := range v.Shards {
			if i%1000 == 0 {
				v.wait()
			}
			o := store.Object{Key: r.Prefix + Shard(i), Size: size}
			if o.Key > r.After && !yield(o, nil) {
				return
			}
		}
	}
}

// Entries implements store.Lister: one page tells all.
func (v *Vast) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	v.wait()
	return v.Bucket.Entries(ctx, prefix, after)
}

// PeakHeap samples how many bytes of the heap are in use. stop ends that and returns
// the most.
func PeakHeap() (stop func() uint64) {
	end, most := make(chan struct{}), make(chan uint64)
	go func() {
		top := uint64(0)
		var m runtime.MemStats
		for {
			select {
			case <-end:
				most <- top
				return
			case <-time.After(50 * time.Millisecond):
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapInuse)
			}
		}
	}()
	return func() uint64 {
		close(end)
		return <-most
	}
}
