package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/timeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

const (
	// LargeShards and LargeBatches are how many shards a Large has, and how many batches each
	// of them.
	LargeShards  = 2000
	LargeBatches = 400
)

// Large is the bucket of a run of 2,000 shards and 800,000 batches, of which the closings, the
// verifications and the write-offs are made up when they are read. Every second shard is
// verified, by this version or (Brief false) by the one before, and of the others all
// batches but the last are written off.
type Large struct {
	*mem.Bucket
	Brief  bool
	Slow   time.Duration // each request
	Shards []string      // in a chain, the hardest to follow

	Requests atomic.Int64 // a page of a listing is one
	Most     atomic.Int64 // at a time, as a remote bucket is asked

	base   string
	open   atomic.Int64
	sorted []string // the first Shards by name, as many as there were then

	mu    sync.Mutex
	more  map[string]bool // shards that are verified besides
	ended map[string]bool // shards whose last batch is written off, too
}

// NewLarge begins the run, of that frozen job, in a large ledger.
func NewLarge(t testing.TB, brief bool, job json.RawMessage) (*Large, *ledger.Run) {
	t.Helper()
	l := &Large{Bucket: mem.New(mem.OSS), Brief: brief, more: map[string]bool{}, ended: map[string]bool{}}
	run := ledger.Open(l, ".ferry/").Run("j/20260101T000000Z")
	l.base = run.Path("")
	if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: job, At: time.Unix(1_799_990_000, 0).UTC(), Root: ledger.ShardRef{Shard: ledger.RootShard}}); err != nil {
		t.Fatal(err)
	}
	l.Shards = append(l.Shards, ledger.RootShard)
	for i := 1; i < LargeShards; i++ {
		l.Shards = append(l.Shards, fmt.Sprintf("a%07d", i*7919%10_000_000))
	}
	l.Requests.Store(0)
	return l, run
}

func (l *Large) verified(i int) bool { return i%2 == 1 || l.more[l.Shards[i]] }

// Verify has the i-th shard verified from now on.
func (l *Large) Verify(i int) { l.mark(l.more, i) }

// End has the last batch of the i-th shard written off from now on.
func (l *Large) End(i int) { l.mark(l.ended, i) }

func (l *Large) mark(what map[string]bool, i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what[l.Shards[i]] = true
}

// LargeBatch is the name of the n-th batch of a shard.
func LargeBatch(shard string, n int) string { return fmt.Sprintf("%s-n0n0n0n0%05d", shard, n) }

// closing is what List left of a shard: a chain, the hardest to follow.
func (l *Large) closing(i int) ledger.Closed {
	c := ledger.Closed{V: ledger.Version, Shard: l.Shards[i], Range: store.Range{After: fmt.Sprintf("k/%05d", i)}}
	for n := range LargeBatches {
		c.Batches = append(c.Batches, ledger.BatchRef{ID: LargeBatch(c.Shard, n), First: fmt.Sprintf("k/%05d/%05d", i, n), Last: fmt.Sprintf("k/%05d/%05d~", i, n), Rows: 500, Pending: 500, Bytes: 4 << 20})
	}
	c.Counts.Listed = ledger.Tally{Objects: 500 * LargeBatches, Bytes: LargeBatches * 4 << 20}
	if i+1 < len(l.Shards) {
		c.Children = []ledger.ShardRef{{Shard: l.Shards[i+1], Range: store.Range{After: fmt.Sprintf("k/%05d", i+1)}}}
	}
	return c
}

// made is a record that is made up, "" for any other.
func (l *Large) made(key string) (string, bool) {
	name := strings.TrimPrefix(key, l.base)
	folder, shard, _ := strings.Cut(name, "/")
	if folder != "closed" && folder != "verified" {
		return "", false
	}
	i := 0
	for l.Shards[i] != shard {
		i++
	}
	c := l.closing(i)
	var record any = c
	if folder == "verified" {
		all := c.Counts.Listed
		p := ledger.Proved{V: ledger.Version, Shard: shard, Counts: ledger.Counts{Listed: all, States: map[ledger.State]ledger.Tally{ledger.Copied: all}, Verdicts: map[ledger.Verdict]ledger.Tally{ledger.Verified: all}}}
		p.Profile = &ledger.Profile{}
		p.Profile.Times.Count(time.Unix(1_799_990_000+int64(i), 0), timeline.Tick{Objects: all.Objects, Bytes: all.Bytes})
		if l.Brief {
			p.Was = c.Was()
		}
		record = p
	}
	data, _ := json.Marshal(record)
	return string(data), true
}

func (l *Large) ask() func() {
	l.Requests.Add(1)
	n := l.open.Add(1)
	for m := l.Most.Load(); n > m && !l.Most.CompareAndSwap(m, n); m = l.Most.Load() {
	}
	time.Sleep(l.Slow)
	return func() { l.open.Add(-1) }
}

func (l *Large) Stat(ctx context.Context, key string) (store.Object, error) {
	defer l.ask()()
	return l.Bucket.Stat(ctx, key)
}

func (l *Large) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	defer l.ask()()
	if text, ok := l.made(o.Key); ok {
		o.Size = int64(len(text))
		return o, io.NopCloser(strings.NewReader(text)), nil
	}
	return l.Bucket.Open(ctx, o, off, n)
}

// List pages as OSS does: a thousand keys a request, and one where there is none.
func (l *Large) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	names := l.names(strings.TrimPrefix(r.Prefix, l.base))
	if names == nil {
		l.ask()()
		return l.Bucket.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		l.ask()()
		i := sort.Search(names.n, func(i int) bool { k := l.base + names.at(i); return k >= r.Prefix && k > r.After })
		for seen := 1; i < names.n; i, seen = i+1, seen+1 {
			key := l.base + names.at(i)
			if !strings.HasPrefix(key, r.Prefix) || r.UpTo != "" && key > r.UpTo || !yield(store.Object{Key: key, Modified: time.Unix(1_800_000_000, 0)}, nil) {
				return
			}
			if seen%1000 == 0 {
				l.ask()()
			}
		}
	}
}

// Entries implements store.Lister: one page tells all.
func (l *Large) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	defer l.ask()()
	return l.Bucket.Entries(ctx, prefix, after)
}

// sorted are names that are made up one by one.
type sorted struct {
	n  int
	at func(i int) string
}

func (l *Large) names(prefix string) *sorted {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sorted) != len(l.Shards) {
		l.sorted = append([]string(nil), l.Shards...)
		sort.Strings(l.sorted)
	}
	order := l.sorted
	switch {
	case prefix == "closed/":
		return &sorted{len(order), func(i int) string { return "closed/" + order[i] }}
	case prefix == "verified/":
		var some []string
		for i, shard := range l.Shards {
			if l.verified(i) {
				some = append(some, shard)
			}
		}
		sort.Strings(some)
		return &sorted{len(some), func(i int) string { return "verified/" + some[i] }}
	case strings.HasPrefix(prefix, "copied/"):
		var ends []int // how many write-offs there are up to each shard
		n := 0
		for _, shard := range order {
			if n += LargeBatches - 1; l.ended[shard] { // the last of each shard is open, or was not listed as the rest
				n++
			}
			ends = append(ends, n)
		}
		return &sorted{n, func(i int) string {
			at := sort.SearchInts(ends, i+1)
			if at > 0 {
				i -= ends[at-1]
			}
			return "copied/" + LargeBatch(order[at], i)
		}}
	}
	return nil
}
