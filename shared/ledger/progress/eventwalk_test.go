package progress_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// busy is the ledger of a day of so many events, evenly spread, whose names are
// made up when somebody lists them, a thousand a request.
type busy struct {
	*mem.Bucket
	base   string
	events int
	slow   time.Duration
}

func (b *busy) batch(i int) string {
	at := time.Duration(i) * (24 * time.Hour / time.Duration(b.events))
	return fmt.Sprintf("e%02d%02d%02d-%024d", int(at.Hours()), int(at.Minutes())%60, int(at.Seconds())%60, i)
}

func (b *busy) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	folder := b.base + "copied/"
	if !strings.HasPrefix(r.Prefix, folder) {
		time.Sleep(b.slow)
		return b.Bucket.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		time.Sleep(b.slow)
		first := sort.Search(b.events, func(i int) bool { k := folder + b.batch(i); return k > r.After && k >= r.Prefix })
		for i := first; i < b.events; i++ {
			key := folder + b.batch(i)
			if r.UpTo != "" && key > r.UpTo || !strings.HasPrefix(key, r.Prefix) || !yield(store.Object{Key: key}, nil) {
				return
			}
			if (i-first+1)%1000 == 0 {
				time.Sleep(b.slow)
			}
		}
	}
}

func newBusy(t testing.TB, events int) (*busy, *ledger.Run) {
	t.Helper()
	b := &busy{Bucket: mem.New(mem.OSS), events: events, slow: 40 * time.Millisecond}
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := ledger.Open(b, ".ferry/").Run(eventnames.Run("j", day, 1))
	b.base = run.Path("")
	if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), At: day, Root: ledger.ShardRef{Shard: "0"}, Events: true}); err != nil {
		t.Fatal(err)
	}
	return b, run
}

// A day of events is listed ten minutes side by side, and a glance at it holds
// none of them.
func TestADayOfEventsIsListedSideBySide(t *testing.T) {
	const events = 200_000
	synctest.Test(t, func(t *testing.T) {
		_, run := newBusy(t, events)
		before, began := heap(), time.Now()
		p, err := progress.Glance(t.Context(), run)
		took, held := time.Since(began), int64(heap())-int64(before)
		if err != nil {
			t.Fatal(err)
		}
		listed := int64(0)
		for _, s := range p.Shards {
			listed += s.Closed.Counts.Listed.Objects
		}
		if listed != events || len(p.Shards) != 24*6 {
			t.Errorf("%d events in %d shards, want %d in 144", listed, len(p.Shards), events)
		}
		if took > 2*time.Second { // one page after the other: 8 s
			t.Errorf("it waited %s for 200 pages at 40 ms, want at most 2 s", took)
		}
		if held > 1<<20 {
			t.Errorf("it holds %d KiB, want at most 1 MiB", held>>10)
		}
		t.Logf("%d events: %s of waiting, %d KiB held", events, took, held>>10)
		runtime.KeepAlive(p)
	})
}

// What is found of one key, and what is open, does not need all in memory.
func TestTheEventsOfAKeyAreFound(t *testing.T) {
	b := mem.New(mem.OSS)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := ledger.Open(b, "").Run(eventnames.Run("j", day, 1))
	if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), At: day, Root: ledger.ShardRef{Shard: "0"}, Events: true}); err != nil {
		t.Fatal(err)
	}
	var want, open []string
	for i := range 3000 { // three pages, over the day
		key := fmt.Sprint("k", i%500)
		_, batch := eventnames.Batch(key, day.Add(time.Duration(i)*28*time.Second))
		w := ledger.WriteOff{}
		if i%1000 == 7 { // handed on, and not ended
			rest := ledger.BatchRef{ID: batch + ".r", Rows: 1, Pending: 1}
			if err := run.Batches().WriteRows(t.Context(), rest.ID, []ledger.Row{{Src: store.Object{Key: key}, State: ledger.Pending}}); err != nil {
				t.Fatal(err)
			}
			w.Rest, open = []ledger.BatchRef{rest}, append(open, rest.ID)
		}
		if _, err := run.Batches().CreateWriteOff(t.Context(), batch, w); err != nil {
			t.Fatal(err)
		}
		if key == "k7" {
			want = append(want, batch)
		}
	}
	found, err := progress.EventsOf(t.Context(), run, "k7")
	if ids := idsOf(found); err != nil || fmt.Sprint(ids) != fmt.Sprint(want) {
		t.Errorf("%q, %v, want %q", ids, err, want)
	}
	left, err := progress.OpenEvents(t.Context(), run)
	if ids := idsOf(left); err != nil || fmt.Sprint(ids) != fmt.Sprint(open) {
		t.Errorf("open are %q, %v, want %q", ids, err, open)
	}
	walk, err := progress.Walk(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	batches, still := 0, 0
	for _, s := range walk.Shards {
		batches, still = batches+len(s.Closed.Batches), still+len(s.Open)
	}
	if batches != 3000 || still != len(open) {
		t.Errorf("a walk finds %d events and %d open, want 3,000 and %d", batches, still, len(open))
	}
}

func idsOf(batches []ledger.BatchRef) (ids []string) {
	for _, b := range batches {
		ids = append(ids, b.ID)
	}
	return ids
}
