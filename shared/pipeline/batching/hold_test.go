package batching_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// opened counts what is read of a bucket.
type opened struct {
	*mem.Bucket
	n atomic.Int64
}

func (b *opened) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	b.n.Add(1)
	return b.Bucket.Open(ctx, o, off, n)
}

// holding is a run whose process gathers rows and holds them.
type holding struct {
	t      *testing.T
	memory *batching.Memory
	bucket *opened
	run    *ledger.Run
	shards int
}

func holdingOf(t *testing.T) *holding {
	b := &opened{Bucket: mem.New(mem.OSS)}
	return &holding{t: t, memory: batching.NewMemory(time.Now), bucket: b, run: ledger.Open(b, "l/").Run("j/1")}
}

// seal writes rows as batches of up to so many, each of a name of its own, and returns these.
func (h *holding) seal(most int, rows ...ledger.Row) (names []string) {
	h.t.Helper()
	j := job.Job{Limits: job.DefaultLimits()}
	j.Limits.BatchObjects, j.Limits.BatchBytes, j.Limits.PartsAbove = most, 1<<50, 1<<30
	h.shards++
	b := batching.New(h.t.Context(), fmt.Sprint(h.shards), batching.Config{
		Rules: &verdict.Rules{Job: j}, Beside: &atomic.Int64{}, Written: func([]ledger.Row) {}, Write: h.run.Batches().WriteRows,
		Pace: func(context.Context) live.Pace { return live.Pace{} }, Rows: h.memory, Run: h.run.Name,
	})
	defer b.Stop()
	for _, row := range rows {
		b.Add(row)
	}
	found, err := b.Finish()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, ref := range found.All {
		names = append(names, ref.ID)
	}
	return names
}

// reads is how often the file of a batch is read to have its rows once more, which must be
// those that it has.
func (h *holding) reads(batch string) int64 {
	h.t.Helper()
	want, err := h.run.Batches().ReadRows(h.t.Context(), batch)
	if err != nil {
		h.t.Fatal(err)
	}
	before := h.bucket.n.Load()
	rows, _, release := h.memory.Read(h.t.Context(), h.run, batch)
	defer release()
	got, err := rows()
	if err != nil || !reflect.DeepEqual(got, want) {
		h.t.Errorf("the rows of %s are %+v, %v\nits file has %+v", batch, got, err, want)
	}
	return h.bucket.n.Load() - before
}

// pending are n rows that are to be copied, and have a reason of so many bytes.
func pending(n, bytes int) (rows []ledger.Row) {
	for i := range n {
		rows = append(rows, ledger.Row{Src: store.Object{Key: fmt.Sprintf("%05d", i), Size: 1}, State: ledger.Pending, Reason: strings.Repeat("x", bytes)})
	}
	return rows
}

func TestRowsThatWereWrittenAreReadOnceWithoutTheirFile(t *testing.T) {
	h := holdingOf(t)
	now := time.Now()
	all := pending(250, 10)
	for i := range all {
		row := &all[i]
		switch i % 5 {
		case 0:
			row.State, row.Dst, row.Was = ledger.Unchanged, &ledger.Dst{ETag: "E", Size: 1, Modified: now.UTC()}, &ledger.Known{Size: 1}
		case 1:
			row.Dst, row.Was = &ledger.Dst{Size: 2}, &ledger.Known{Hash: "h", Modified: now.UTC(), State: ledger.Copied, Dst: ledger.Dst{Modified: now.UTC()}}
		case 2:
			row.Src.Meta, row.Src.Header, row.Src.Warnings = map[string]string{}, map[string]string{"Expires": "é"}, []string{}
		case 3:
			row.State, row.Src.Ambiguous = ledger.Failed, "it may be another's"
		}
		row.At, row.Src.Modified = now.UTC(), now.UTC()
	}
	names := h.seal(60, all...)
	if len(names) != 3 {
		t.Fatalf("%d batches, want 3", len(names))
	}
	for _, batch := range names {
		if once, again := h.reads(batch), h.reads(batch); once != 0 || again != 1 {
			t.Errorf("the file of %s is read %d times, and once more %d times, want 0 and 1", batch, once, again)
		}
	}
}

// TestRowsAreTheirReadersAlone until they are released: no others are gathered in their memory.
func TestRowsAreTheirReadersAlone(t *testing.T) {
	h := holdingOf(t)
	batch := h.seal(1000, pending(100, 10)...)[0]
	rows, _, release := h.memory.Read(t.Context(), h.run, batch)
	mine, _ := rows()
	for i := range mine {
		mine[i].State = ledger.Copied
	}
	next := h.seal(1000, pending(100, 10)...)[0] // not into the memory that is in use
	for i := range mine {
		if mine[i].State != ledger.Copied {
			t.Fatalf("row %d is %+v, which nobody else has", i, mine[i])
		}
	}
	release()
	h.reads(next)
	h.reads(batch)
}

func TestOnlyRowsThatAreCopiedAreKept(t *testing.T) {
	var odd ledger.Row
	odd.Src.Key, odd.State = "half \xc3", ledger.Pending
	big := ledger.Row{Src: store.Object{Key: "big", Size: 1 << 40}, State: ledger.Pending}
	for name, rows := range map[string][]ledger.Row{
		"nothing is to be copied":       {{Src: store.Object{Key: "a"}, State: ledger.Unchanged}},
		"an object that goes in parts":  {big},
		"a text that reads differently": append(pending(1, 1), odd),
	} {
		t.Run(name, func(t *testing.T) {
			h := holdingOf(t)
			if n := h.reads(h.seal(1000, rows...)[0]); n != 1 {
				t.Errorf("the file is read %d times, want 1", n)
			}
			for range 1030 { // as many as are kept at most
				h.seal(1000, slices.Clone(rows)...)
			}
			if n := h.reads(h.seal(1000, pending(1, 1)...)[0]); n != 0 {
				t.Errorf("they take the memory of those that are kept: the file of one is read %d times, want 0", n)
			}
		})
	}
}

func TestABatchThatCouldNotBeWrittenIsNotKept(t *testing.T) {
	h := holdingOf(t)
	var batch string
	j := job.Job{Limits: job.DefaultLimits()}
	b := batching.New(t.Context(), "s", batching.Config{
		Rules: &verdict.Rules{Job: j}, Beside: &atomic.Int64{}, Written: func([]ledger.Row) {},
		Write: func(_ context.Context, name string, _ []ledger.Row) error {
			batch = name
			return errors.New("no answer")
		},
		Pace: func(context.Context) live.Pace { return live.Pace{} }, Rows: h.memory, Run: h.run.Name,
	})
	defer b.Stop()
	b.Add(pending(1, 1)[0])
	if _, err := b.Finish(); err == nil {
		t.Fatal("the batch is gathered, want it failed")
	}
	rows, _, release := h.memory.Read(t.Context(), h.run, batch)
	defer release()
	if got, err := rows(); !ledger.Missing(err) {
		t.Errorf("the rows are %+v, %v, want no batch", got, err)
	}
}

// TestNoMoreRowsAreKeptThanThereIsMemoryFor writes batches of 1 MiB each, and very small ones: the
// first are kept, and those that are written once these are copied.
func TestNoMoreRowsAreKeptThanThereIsMemoryFor(t *testing.T) {
	for name, tc := range map[string]struct{ batches, rows, bytes, most int }{
		"large ones": {batches: 18, rows: 10, bytes: 100 << 10, most: 16},
		"small ones": {batches: 1030, rows: 1, most: 1024},
	} {
		t.Run(name, func(t *testing.T) {
			h := holdingOf(t)
			for range 2 {
				var names []string
				for range tc.batches { // one after the other
					names = append(names, h.seal(tc.rows, pending(tc.rows, tc.bytes)...)...)
				}
				kept := 0
				for kept < len(names) && h.reads(names[kept]) == 0 {
					kept++
				}
				if len(names) != tc.batches || kept < tc.most-1 || kept > tc.most {
					t.Errorf("the first %d of %d batches are kept, want %d, or one less", kept, len(names), tc.most)
				}
				if n := h.reads(names[len(names)-1]); n != 1 {
					t.Errorf("the file of the last is read %d times, want 1", n)
				}
			}
		})
	}
}

// TestFewRowsKeepNoMemoryOfMany: a batch of one row is gathered in memory that had 10,000, which
// take 5 MiB: it counts as what it takes, so that 14 batches of 1 MiB each are kept beside it.
func TestFewRowsKeepNoMemoryOfMany(t *testing.T) {
	h := holdingOf(t)
	many := pending(10_000, 0)
	for i := range many {
		many[i].State = ledger.Unchanged
	}
	h.seal(1, many...)
	names := h.seal(1, pending(1, 0)...)
	for range 14 {
		names = append(names, h.seal(10, pending(10, 100<<10)...)...)
	}
	for _, batch := range names {
		if n := h.reads(batch); n != 0 {
			t.Errorf("the file of %s is read %d times, want 0", batch, n)
		}
	}
}

func TestRowsAreForgottenWithTheirRun(t *testing.T) {
	h := holdingOf(t)
	first, second := h.seal(1000, pending(1, 1)...)[0], h.seal(1000, pending(1, 1)...)[0]
	h.memory.Forget("j/2")
	if n := h.reads(first); n != 0 {
		t.Errorf("the file is read %d times after another run is forgotten, want 0", n)
	}
	h.memory.Forget(h.run.Name)
	if n := h.reads(second); n != 1 {
		t.Errorf("the file is read %d times after its run is forgotten, want 1", n)
	}
}

// TestKeptRowsLeaveRoomForThoseThatAreCopied: as many large batches are read at a time whatever
// is kept, and beside them nothing is.
func TestKeptRowsLeaveRoomForThoseThatAreCopied(t *testing.T) {
	h := holdingOf(t)
	large := h.seal(80, pending(4*80, 100<<10)...) // 7.8 MiB each
	h.memory.Forget(h.run.Name)
	old := h.seal(10, pending(100, 100<<10)...)
	var releases []func()
	for _, batch := range large {
		rows, _, release := h.memory.Read(t.Context(), h.run, batch)
		if all, err := rows(); err != nil || len(all) != 80 { // it would wait for ever
			t.Fatalf("%d rows, %v, want 80", len(all), err)
		}
		releases = append(releases, release)
	}
	young := h.seal(10, pending(10, 100<<10)...)
	for _, release := range releases {
		release()
	}
	for _, batch := range append(old, young...) {
		if n := h.reads(batch); n != 1 {
			t.Errorf("the file of %s is read %d times, want 1: others took the memory", batch, n)
		}
	}
	if n := h.reads(h.seal(10, pending(10, 100<<10)...)[0]); n != 0 {
		t.Errorf("the file of what is written then is read %d times, want 0", n)
	}
}
