package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

func open(b ledger.Bucket) *ledger.Run { return ledger.Open(b, ".ferry/").Run("j/1") }

func TestOneOfManyRecordsStands(t *testing.T) {
	b := mem.New(mem.OSS)
	const writers = 20
	stood := make([]ledger.Closed, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			var err error
			if stood[i], err = open(b).Shards().CreateListed(t.Context(), ledger.Closed{Shard: "0", Range: store.Range{UpTo: fmt.Sprint(i)}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range stood {
		if !reflect.DeepEqual(stood[i], stood[0]) {
			t.Errorf("writer %d was told %+v, writer 0 %+v", i, stood[i], stood[0])
		}
	}
}

// lossy does what it is asked and loses some answers, or refuses first.
type lossy struct {
	*mem.Bucket
	lose, refuse int
}

func (l *lossy) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if l.refuse--; l.refuse >= 0 {
		return store.Stored{}, fault.Throttle("lossy.Put", o.Key, time.Millisecond, errors.New("503"))
	}
	s, err := l.Bucket.Put(ctx, o, body, how)
	if l.lose--; err == nil && l.lose >= 0 {
		return store.Stored{}, fault.New(fault.Temporary, "lossy.Put", o.Key, errors.New("connection reset"))
	}
	return s, err
}

func TestALostAnswerIsSettledByReadingBack(t *testing.T) {
	for name, b := range map[string]*lossy{
		"the answer is lost once":        {Bucket: mem.New(mem.OSS), lose: 1},
		"the answer is lost three times": {Bucket: mem.New(mem.OSS), lose: 3},
		"refused, then lost":             {Bucket: mem.New(mem.OSS), refuse: 2, lose: 1},
	} {
		t.Run(name, func(t *testing.T) {
			mine := ledger.WriteOff{Rows: []ledger.Row{{Src: store.Object{Key: "a"}, State: ledger.Copied}}}
			if _, err := open(b).Batches().CreateWriteOff(t.Context(), "0-a", mine); err != nil {
				t.Fatal(err)
			}
			other := ledger.WriteOff{Lost: "another"}
			if stands, err := open(b).Batches().CreateWriteOff(t.Context(), "0-a", other); err != nil || len(stands.Rows) != 1 || stands.Lost != "" {
				t.Errorf("the second writer was told %+v, %v, want the first one's", stands, err)
			}
		})
	}
}

func TestRowsSurviveTheirSegment(t *testing.T) {
	want := []ledger.Row{
		{Src: store.Object{Key: "\x01\"<&>é中😀", Size: 3, Hash: "h", Parts: []int64{1, 2}, Modified: time.Unix(1, 100).UTC(), Meta: map[string]string{"a": "\x02"}}, State: ledger.Pending, Warnings: []string{"w"}},
		{Src: store.Object{Key: "z"}, Dst: &ledger.Dst{ETag: "E", CRC64: "18446744073709551615", Size: 1}, State: ledger.Copied, Proof: ledger.ByQetag, Tries: 2, Grew: -4},
	}
	r := open(mem.New(mem.OSS))
	if err := r.Batches().WriteRows(t.Context(), "0-a", want); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Batches().ReadRows(t.Context(), "0-a"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Rows = %+v, %v\nwant %+v", got, err, want)
	}
}

func TestASegmentThatEndsEarlyIsCorrupt(t *testing.T) {
	b := mem.New(mem.OSS)
	r := open(b)
	if err := r.Batches().WriteRows(t.Context(), "0-a", make([]ledger.Row, 50)); err != nil {
		t.Fatal(err)
	}
	key := r.Path("listed/0/0-a")
	_, body, err := b.Open(t.Context(), store.Object{Key: key}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(body)
	for _, n := range []int{0, 5, len(data) / 2, len(data) - 1} {
		if _, err := b.Put(t.Context(), store.Object{Key: key, Size: int64(n)}, readerOf(data[:n]), store.Put{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Batches().ReadRows(t.Context(), "0-a"); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("cut to %d of %d bytes: %v, want %s", n, len(data), err, fault.Corrupt)
		}
	}
}

func readerOf(b []byte) io.Reader { return &slow{b} }

// slow gives a byte at a time.
type slow struct{ b []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	p[0], s.b = s.b[0], s.b[1:]
	return 1, nil
}

func TestRetriesAreFollowedToTheirEnd(t *testing.T) {
	row := func(key string, s ledger.State) ledger.Row { return ledger.Row{Src: store.Object{Key: key}, State: s} }
	r := open(mem.New(mem.OSS))
	ctx := t.Context()
	first := ledger.BatchRef{ID: "0-a", First: "a", Last: "d", Rows: 4, Pending: 4}
	second := ledger.BatchRef{ID: "0-a.1x", Rows: 2, Pending: 2}
	third := ledger.BatchRef{ID: "0-a.2y", Rows: 1, Pending: 1}
	closed := ledger.Closed{Shard: "0", Batches: []ledger.BatchRef{first}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	off := func(b string, w ledger.WriteOff) {
		t.Helper()
		_, err := r.Batches().CreateWriteOff(ctx, b, w)
		must(err)
	}
	wantOpen := func(ids ...string) {
		t.Helper()
		open, err := progress.OpenBatches(ctx, r, closed)
		must(err)
		var got []string
		for _, b := range open {
			got = append(got, b.ID)
		}
		if !reflect.DeepEqual(got, ids) {
			t.Errorf("open %q, want %q", got, ids)
		}
	}
	must(r.Batches().WriteRows(ctx, first.ID, []ledger.Row{row("a", ledger.Pending), row("b", ledger.Pending), row("c", ledger.Pending), row("d", ledger.Pending)}))
	wantOpen("0-a")
	must(r.Batches().WriteRows(ctx, second.ID, []ledger.Row{row("b", ledger.Pending), row("d", ledger.Pending)}))
	wantOpen("0-a") // a segment that no record names does not exist
	off(first.ID, ledger.WriteOff{Rows: []ledger.Row{row("a", ledger.Copied), row("c", ledger.Copied)}, Rest: []ledger.BatchRef{second}})
	wantOpen("0-a.1x")
	must(r.Batches().WriteRows(ctx, third.ID, []ledger.Row{row("d", ledger.Pending)}))
	off(second.ID, ledger.WriteOff{Rows: []ledger.Row{row("b", ledger.Copied)}, Rest: []ledger.BatchRef{third}})
	wantOpen("0-a.2y")
	off(third.ID, ledger.WriteOff{Lost: "given up"})
	wantOpen()
	rows, done, err := r.Batches().Settled(ctx, first)
	must(err)
	var got []string
	for _, row := range rows {
		got = append(got, row.Key()+" "+string(row.State))
	}
	if want := []string{"a copied", "b copied", "c copied", "d failed"}; !done || !reflect.DeepEqual(got, want) {
		t.Errorf("settled %q, done %v, want %q, true", got, done, want)
	}
}

func TestAnotherFormatIsTold(t *testing.T) {
	for body, want := range map[string]fault.Kind{
		`{"v":1,"shard":"0"}`: "", `{"v":2,"shard":"0"}`: "", `{"v":3,"shard":"0"}`: "", `{"v":4,"shard":"0"}`: "", `{"v":5,"shard":"0"}`: fault.Newer, `{"shard":"0"}`: fault.Corrupt, `nonsense`: fault.Corrupt,
	} {
		b := mem.New(mem.OSS)
		r := open(b)
		if _, err := b.Put(t.Context(), store.Object{Key: r.Path("closed/0"), Size: int64(len(body))}, readerOf([]byte(body)), store.Put{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Shards().ReadListed(t.Context(), "0"); fault.KindOf(err) != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestRunsAreListedInOrder(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	for _, name := range []string{"j/20260102T000000Z", "j/20260101T000000Z", "j2/20260101T000000Z"} {
		if _, err := l.Run(name).CreateStarted(t.Context(), ledger.Started{}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := index.Runs(t.Context(), l, "j")
	if want := []string{"j/20260101T000000Z", "j/20260102T000000Z"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Runs = %q, %v, want %q", got, err, want)
	}
}

func TestTheBooksBalanceOnlyIfEverythingEnded(t *testing.T) {
	var c ledger.Counts
	c.Listed = ledger.Tally{Objects: 2, Bytes: 10}
	c.Count(&ledger.Row{Src: store.Object{Size: 4}, State: ledger.Copied})
	if c.Balanced() {
		t.Error("one of two rows ended, yet the books balance")
	}
	c.Count(&ledger.Row{Src: store.Object{Size: 6}, State: ledger.Gone})
	if !c.Balanced() {
		t.Errorf("both rows ended, yet the books do not balance: %+v", c)
	}
}

func TestAMarkIsSeenByAllAndOnlyUnderItsName(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	if err := sent.Of(l).Mark(t.Context(), "j/1", "a"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		run, name string
		want      bool
	}{{"j/1", "a", true}, {"j/1", "b", false}, {"j/2", "a", false}} {
		if got, err := sent.Of(l).Marked(t.Context(), tc.run, tc.name); err != nil || got != tc.want {
			t.Errorf("Marked(%s, %s) = %v, %v, want %v", tc.run, tc.name, got, err, tc.want)
		}
	}
}

// marking remembers what was put as brief, and may refuse to mark it.
type marking struct {
	*mem.Bucket
	refuse bool
	puts   int
	brief  map[string]bool
}

func (m *marking) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	m.puts++
	if how.Brief && m.refuse {
		return store.Stored{}, fault.New(fault.Denied, "marking.Put", o.Key, errors.New("AccessDenied"))
	}
	m.brief[strings.TrimPrefix(o.Key, ".ferry/runs/j/1/")] = how.Brief
	return m.Bucket.Put(ctx, o, body, how)
}

func TestOnlyWhatIsOfNoUseLaterIsMarkedAsBrief(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse bool
		puts   int
		want   bool
	}{
		"where the bucket marks":                      {false, 5, true},
		"not where the keys may not, asked once more": {true, 6, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := &marking{Bucket: mem.New(mem.OSS), refuse: tc.refuse, brief: map[string]bool{}}
			l := ledger.Open(b, ".ferry/")
			run := l.Run("j/1")
			_, cerr := run.Shards().CreateListed(t.Context(), ledger.Closed{Shard: "0"})
			won, werr := sent.Of(l).Claim(t.Context(), "j/1", "sweep-1")
			err := errors.Join(cerr, werr, sent.Of(l).Mark(t.Context(), "j/1", "a"), sent.Of(l).Mark(t.Context(), "j/1", "b"),
				live.WriteSign(t.Context(), run.Folder(), live.Sign{Process: "p", Since: time.Unix(0, 0)}, time.Unix(0, 0)))
			if err != nil || !won {
				t.Fatalf("%v, claimed %v, want no error", err, won)
			}
			want := map[string]bool{"closed/0": false, "sent/sweep-1": tc.want, "sent/a": tc.want, "sent/b": tc.want, "live/other/19700101T000000Z-p": tc.want}
			if !reflect.DeepEqual(b.brief, want) || b.puts != tc.puts {
				t.Errorf("%d puts, brief %v, want %d and %v", b.puts, b.brief, tc.puts, want)
			}
		})
	}
}
