package index_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// asked counts the requests to a bucket, a listing as one, and refuses to
// delete, as functions may not.
type asked struct {
	*mem.Bucket
	n atomic.Int64
}

func (b *asked) Delete(_ context.Context, key string) error {
	return fault.New(fault.Denied, "asked.Delete", key, nil)
}

func (b *asked) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	b.n.Add(1)
	return b.Bucket.List(ctx, r)
}

func (b *asked) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	b.n.Add(1)
	return b.Bucket.Entries(ctx, prefix, after)
}

func (b *asked) Stat(ctx context.Context, key string) (store.Object, error) {
	b.n.Add(1)
	return b.Bucket.Stat(ctx, key)
}

func (b *asked) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	b.n.Add(1)
	return b.Bucket.Open(ctx, o, off, n)
}

func (b *asked) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	b.n.Add(1)
	return b.Bucket.Put(ctx, o, body, how)
}

// TestRunsThatAreNotOverAreFoundHoweverOldTheyAre has three years of daily runs
// of which one each year did not end, the first one of an older version, which
// left no mark.
func TestRunsThatAreNotOverAreFoundHoweverOldTheyAre(t *testing.T) {
	b := &asked{Bucket: mem.New(mem.OSS)}
	l := ledger.Open(b, ".ferry/")
	begin := func(name string) *ledger.Run {
		t.Helper()
		run := l.Run(name)
		if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), Deployed: true}); err != nil {
			t.Fatal(err)
		}
		return run
	}
	first := time.Date(2024, 1, 1, 3, 0, 0, 0, time.UTC)
	var want []string
	for i := range 3 * 365 {
		name := "photos/" + first.AddDate(0, 0, i).Format(ledger.RunTime)
		run := begin(name)
		if i%365 == 100 {
			want = append(want, name)
			continue
		}
		if _, err := run.Results().CreateReport(t.Context(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	day := eventnames.Run("photos", first, 1)
	begin(day)
	if err := b.Bucket.Delete(t.Context(), ".ferry/open/"+want[0]); err != nil {
		t.Fatal(err)
	}
	check := func(want []string) {
		t.Helper()
		b.n.Store(0)
		open, err := index.Open(t.Context(), l, time.Time{})
		if err != nil || !slices.Equal(open, want) {
			t.Errorf("Open = %q (%v), want %q", open, err, want)
		}
		if most := 2 + len(want) + 1; int(b.n.Load()) > most {
			t.Errorf("it took %d requests, want at most %d whatever there ever was", b.n.Load(), most)
		}
	}
	check(want[1:])
	for range 2 { // the first 500 of 1,096 runs, and the second
		b.n.Store(0)
		if err := index.Recall(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if b.n.Load() > 2*500+20 {
			t.Errorf("one search took %d requests, want two a run of 500", b.n.Load())
		}
	}
	check(want)
	if days, err := index.OpenEvents(t.Context(), l, time.Time{}); err != nil || !slices.Equal(days, []string{day}) {
		t.Errorf("OpenEvents = %q (%v), want %q", days, err, day)
	}
	if err := index.Recall(t.Context(), l); err != nil { // the last of them
		t.Fatal(err)
	}
	b.n.Store(0)
	if err := index.Recall(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if b.n.Load() > 60 {
		t.Errorf("once every run was looked at, a search took %d requests, want few", b.n.Load())
	}
	check(want)
}

// TestAMarkThatIsLeftBehindIsTakenAway has a process die between the report of
// a run and its mark, and one begin a run anew that is over.
func TestAMarkThatIsLeftBehindIsTakenAway(t *testing.T) {
	for name, left := range map[string]func(b *mem.Bucket, run *ledger.Run) error{
		"a run over whose mark stands": func(b *mem.Bucket, run *ledger.Run) error {
			_, err := b.Put(t.Context(), store.Object{Key: run.Path("report.json"), Size: 2}, strings.NewReader("{}"), store.Put{})
			return err
		},
		"a run over that is begun once more": func(b *mem.Bucket, run *ledger.Run) error {
			if _, err := run.Results().CreateReport(t.Context(), []byte("{}")); err != nil {
				return err
			}
			_ = b.Delete(t.Context(), ".ferry/open/"+run.Name) // as a lifecycle rule does
			_, err := run.CreateStarted(t.Context(), ledger.Started{Deployed: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := mem.New(mem.OSS)
			l := ledger.Open(&asked{Bucket: b}, ".ferry/")
			run := l.Run("photos/20240101T000000Z")
			if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), Deployed: true}); err != nil {
				t.Fatal(err)
			}
			if err := left(b, run); err != nil {
				t.Fatal(err)
			}
			if open, err := index.Open(t.Context(), l, time.Time{}); err != nil || len(open) != 0 {
				t.Errorf("Open = %q (%v), want none", open, err)
			}
			if mark, err := b.Stat(t.Context(), ".ferry/open/"+run.Name); err != nil || mark.Size == 0 {
				t.Errorf("the mark is %+v (%v), want it to say that the run is over", mark, err)
			}
		})
	}
}
