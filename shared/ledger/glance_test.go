package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

const (
	manyShards  = 2000
	manyBatches = 400 // of each shard
)

// large is the ledger of a run of 2,000 shards and 800,000 batches, of which
// the closings and the write-offs are made up when somebody asks. Every second
// shard is verified, by this version or (brief false) by the one before, and
// of the others all batches but the last are written off.
type large struct {
	*mem.Bucket
	base   string
	brief  bool
	slow   time.Duration // each request
	shards []string

	requests atomic.Int64 // a page of a listing is one
	open     atomic.Int64 // at a time, as a remote bucket is asked
	most     atomic.Int64
}

func newLarge(t testing.TB, brief bool) (*large, *ledger.Run) {
	t.Helper()
	l := &large{Bucket: mem.New(mem.OSS), brief: brief}
	run := ledger.Open(l, ".ferry/").Run("j/20260101T000000Z")
	l.base = run.Path("")
	if _, err := run.Start(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: ledger.RootShard}}); err != nil {
		t.Fatal(err)
	}
	l.shards = append(l.shards, ledger.RootShard)
	for i := 1; i < manyShards; i++ {
		l.shards = append(l.shards, fmt.Sprintf("a%07d", i*7919%10_000_000))
	}
	l.requests.Store(0)
	return l, run
}

func (l *large) verified(i int) bool { return i%2 == 1 }

func batchID(shard string, n int) string { return fmt.Sprintf("%s-n0n0n0n0%05d", shard, n) }

// closing is what List left of a shard: a chain, the hardest to follow.
func (l *large) closing(i int) ledger.Closed {
	c := ledger.Closed{V: ledger.Version, Shard: l.shards[i], Range: store.Range{After: fmt.Sprintf("k/%05d", i)}}
	for n := range manyBatches {
		c.Batches = append(c.Batches, ledger.BatchRef{ID: batchID(c.Shard, n), First: fmt.Sprintf("k/%05d/%05d", i, n), Last: fmt.Sprintf("k/%05d/%05d~", i, n), Rows: 500, Pending: 500, Bytes: 4 << 20})
	}
	c.Counts.Listed = ledger.Tally{Objects: 500 * manyBatches, Bytes: manyBatches * 4 << 20}
	if i+1 < len(l.shards) {
		c.Children = []ledger.ShardRef{{Shard: l.shards[i+1], Range: store.Range{After: fmt.Sprintf("k/%05d", i+1)}}}
	}
	return c
}

// made is a record that is made up, "" for any other.
func (l *large) made(key string) (string, bool) {
	name := strings.TrimPrefix(key, l.base)
	folder, shard, _ := strings.Cut(name, "/")
	if folder != "closed" && folder != "verified" {
		return "", false
	}
	i := 0
	for l.shards[i] != shard {
		i++
	}
	c := l.closing(i)
	var record any = c
	if folder == "verified" {
		p := ledger.Proved{V: ledger.Version, Shard: shard, Counts: ledger.Counts{Verdicts: map[ledger.Verdict]ledger.Tally{ledger.Verified: c.Counts.Listed}}}
		if l.brief {
			p.Was = c.Was()
		}
		record = p
	}
	data, _ := json.Marshal(record)
	return string(data), true
}

func (l *large) ask() func() {
	l.requests.Add(1)
	n := l.open.Add(1)
	for m := l.most.Load(); n > m && !l.most.CompareAndSwap(m, n); m = l.most.Load() {
	}
	time.Sleep(l.slow)
	return func() { l.open.Add(-1) }
}

func (l *large) Stat(ctx context.Context, key string) (store.Object, error) {
	defer l.ask()()
	return l.Bucket.Stat(ctx, key)
}

func (l *large) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	defer l.ask()()
	if text, ok := l.made(o.Key); ok {
		o.Size = int64(len(text))
		return o, io.NopCloser(strings.NewReader(text)), nil
	}
	return l.Bucket.Open(ctx, o, off, n)
}

// List pages as OSS does: a thousand keys a request, and one where there is none.
func (l *large) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
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

// sorted are names that are made up one by one.
type sorted struct {
	n  int
	at func(i int) string
}

func (l *large) names(prefix string) *sorted {
	order := append([]string(nil), l.shards...)
	sort.Strings(order)
	switch {
	case prefix == "closed/":
		return &sorted{len(order), func(i int) string { return "closed/" + order[i] }}
	case prefix == "verified/":
		var some []string
		for i, shard := range l.shards {
			if l.verified(i) {
				some = append(some, shard)
			}
		}
		sort.Strings(some)
		return &sorted{len(some), func(i int) string { return "verified/" + some[i] }}
	case strings.HasPrefix(prefix, "copied/"):
		done := manyBatches - 1 // the last of each shard is open, or was not listed as the rest
		return &sorted{len(order) * done, func(i int) string { return "copied/" + batchID(order[i/done], i%done) }}
	}
	return nil
}

// A glance answers in 5 s where a request takes 30 ms: by the clock of a
// bubble, which stands still while it works. What it works is logged.
func TestAGlanceAtALargeRunTakesFewRequests(t *testing.T) {
	began := time.Now()
	synctest.Test(t, largeGlance)
	t.Logf("%s of work in all", time.Since(began))
}

func largeGlance(t *testing.T) {
	l, run := newLarge(t, true)
	l.slow = 30 * time.Millisecond
	began := time.Now()
	p, err := run.Glance(t.Context())
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if n := l.requests.Load(); n > 3000 {
		t.Errorf("%d requests, want at most 3,000", n)
	}
	if took > 5*time.Second {
		t.Errorf("it waited %s for answers, want at most 5 s", took)
	}
	open, sealed, listed, verified := 0, int64(0), int64(0), 0
	for _, s := range p.Shards {
		open, sealed, listed = open+len(s.Open), sealed+s.Sealed.Batches, listed+s.Closed.Counts.Listed.Objects
		if s.Proved != nil {
			verified++
		}
	}
	if len(p.Shards) != manyShards || verified != manyShards/2 || open != manyShards/2 || sealed != manyShards*manyBatches || listed != 500*manyShards*manyBatches {
		t.Errorf("%d shards, %d verified, %d open of %d batches, %d listed, want all of them and one open in each shard that is not verified", len(p.Shards), verified, open, sealed, listed)
	}
	if !p.Newest.Equal(time.Unix(1_800_000_000, 0)) {
		t.Errorf("the newest record is of %s, want the write-offs'", p.Newest)
	}
	t.Logf("%d shards, %d batches: %d requests, %d at a time, %s of waiting", manyShards, sealed, l.requests.Load(), l.most.Load(), took)
}

func TestAGlanceAtARunOfTheVersionBeforeTellsTheSame(t *testing.T) {
	l, run := newLarge(t, false)
	l.shards = l.shards[:50]
	p, err := run.Glance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed := int64(0)
	for _, s := range p.Shards {
		sealed += s.Sealed.Batches
	}
	if len(p.Shards) != 50 || sealed != 50*manyBatches {
		t.Errorf("%d shards with %d batches, want 50 with %d", len(p.Shards), sealed, 50*manyBatches)
	}
}
