package reproof

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// slow is a bucket of objects of one byte repeated, of which a read of 256 KiB takes a second.
type slow struct {
	objects []store.Object
	reads   *atomic.Int64 // bytes
}

func (s slow) List(_ context.Context, in store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, o := range s.objects {
			if o.Key > in.After && !yield(o, nil) {
				return
			}
		}
	}
}

func (s slow) Stat(_ context.Context, key string) (store.Object, error) {
	for _, o := range s.objects {
		if o.Key == key {
			return o, nil
		}
	}
	return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
}

func (s slow) Open(ctx context.Context, o store.Object, off, _ int64) (store.Object, io.ReadCloser, error) {
	found, err := s.Stat(ctx, o.Key)
	if err != nil {
		return found, nil, err
	}
	return found, &slowBody{ctx, found.Size - off, found.Key[0], s.reads}, nil
}

type slowBody struct {
	ctx   context.Context
	left  int64
	b     byte
	reads *atomic.Int64
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(time.Second):
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
	n := int(min(int64(len(p)), b.left))
	for i := range n {
		p[i] = b.b
	}
	b.left -= int64(n)
	b.reads.Add(int64(n))
	return n, nil
}

func (b *slowBody) Close() error { return nil }

func contentOf(key string, size int64) []byte {
	c := make([]byte, size)
	for i := range c {
		c[i] = key[0]
	}
	return c
}

// TestAnObjectIsReadOverManyTasksWhereOneDoesNotDo has objects that take longer to read
// than a task has: what was read of one is carried from task to task, and no byte of it is
// read twice.
func TestAnObjectIsReadOverManyTasksWhereOneDoesNotDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		b := slow{reads: &reads}
		var rows []ledger.Row
		total := int64(0)
		for _, o := range []store.Object{{Key: "a", Size: 1 << 20}, {Key: "b", Size: 30<<20 + 5}, {Key: "c", Size: 300 << 10}} {
			o.Hash = digest.QetagOf(contentOf(o.Key, o.Size))
			b.objects = append(b.objects, o)
			total += o.Size
			rows = append(rows, ledger.Row{Src: o, Dst: &ledger.Dst{}, State: ledger.Copied, Verdict: ledger.Verified})
		}
		rules := &verdict.Rules{}
		s := Piece{
			Mode: Read, Sample: Whole, Job: job.Job{}, Source: b, Target: b, Rules: rules, Asker: &verdict.Asker{Rules: rules, Log: slog.New(slog.DiscardHandler)},
			Slots: limit.NewAIMD(4, nil), Pace: &limit.Pace{},
			Rows: func(context.Context) iter.Seq2[ledger.Row, error] {
				return func(yield func(ledger.Row, error) bool) {
					for _, row := range rows {
						if !yield(row, nil) {
							return
						}
					}
				}
			},
		}
		var sum ledger.Reproof
		tasks := 0
		for more := true; more; tasks++ {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			end, _ := ctx.Deadline()
			s.Near = func(int64) bool { return time.Until(end) < 10*time.Second }
			found, err := s.Prove(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			sum.Add(found.Counts)
			if found.Last != "" {
				s.Range.After = found.Last
			}
			s.Carry, more = found.Carry, found.More
			if tasks > 20 {
				t.Fatal("it does not end")
			}
		}
		if sum.Findings[ledger.Holds].Objects != 3 || sum.Rows.Objects != 3 || sum.Evidence[ledger.ByQetag].Objects != 3 {
			t.Errorf("found %+v", sum)
		}
		if reads := reads.Load(); tasks < 6 || reads > total+total/4 {
			t.Errorf("%d tasks read %d bytes, want at least 6 tasks and about %d bytes", tasks, reads, total)
		}
	})
}

// TestAHashOfPartsThatAreNotToldIsNotComputedWithoutThem has a qetag of version 2: without
// the sizes of its parts the bytes are held against what else there is.
func TestAHashOfPartsThatAreNotToldIsNotComputedWithoutThem(t *testing.T) {
	parts := []int64{5 << 20, 3}
	sum := digest.NewQetag(parts)
	_, _ = sum.Write(make([]byte, 5<<20+3))
	src := store.Object{Hash: sum.Sum()}
	if !digest.TakesParts(src.Hash) {
		t.Fatalf("%s is of version 1", src.Hash)
	}
	told, md5 := src, src
	told.Parts, md5.MD5 = parts, "an MD5"
	row := ledger.Row{Dst: &ledger.Dst{CRC64: "a CRC64"}}
	for name, tc := range map[string]struct {
		src     store.Object
		changed bool
		hash    string
		by      ledger.Proof
	}{
		"of parts that are told":               {told, false, src.Hash, ledger.ByQetag},
		"of parts that nobody tells":           {src, false, "a CRC64", ledger.ByCRC},
		"and an MD5":                           {md5, false, "an MD5", ledger.ByMD5},
		"of another version than the run read": {src, true, "", ""},
	} {
		if hash, by := wanted(row, tc.src, tc.changed); hash != tc.hash || by != tc.by {
			t.Errorf("%s: %q by %q, want %q by %q", name, hash, by, tc.hash, tc.by)
		}
	}
}

func TestAReportNamesAThousandUnknownStretchesAndCountsAll(t *testing.T) {
	var w progress.Reproof
	w.Started.Verifies = &ledger.Verification{}
	w.Unknown = make([]ledger.Reproved, 1500)
	if r := Fold("v", job.Job{}, w, time.Time{}); len(r.Unknown) != 1000 || r.Unknowns != 1500 || r.Verified {
		t.Errorf("%d named of %d, verified %t", len(r.Unknown), r.Unknowns, r.Verified)
	}
}

func TestAReportSaysWhatOfItsFindingsSpeaksAgainstTheCopies(t *testing.T) {
	for name, tc := range map[string]struct {
		found  []ledger.Finding
		reason string
	}{
		"all as it was":             {[]ledger.Finding{ledger.Holds}, ""},
		"one differs":               {[]ledger.Finding{ledger.Holds, ledger.Differs}, "objects are not as they were proved"},
		"one is lost":               {[]ledger.Finding{ledger.Holds, ledger.Lost}, "objects are not as they were proved"},
		"one changed at the source": {[]ledger.Finding{ledger.Holds, ledger.SourceChanged}, "objects are not as they were proved"},
		"one is archived":           {[]ledger.Finding{ledger.Holds, ledger.Unproved}, "objects could not be looked at"},
		"all are archived":          {[]ledger.Finding{ledger.Unproved}, "objects could not be looked at"},
		"one differs, one archived": {[]ledger.Finding{ledger.Unproved, ledger.Differs}, "objects are not as they were proved"},
		"gone from the source":      {[]ledger.Finding{ledger.Vanish}, "the source has none of the objects any more"},
	} {
		counts := ledger.Reproof{Findings: map[ledger.Finding]ledger.Tally{}}
		for _, f := range tc.found {
			counts.Findings[f] = ledger.Tally{Objects: 1}
			counts.Rows.Objects++
			counts.Sampled.Objects++
		}
		r := Fold("v", job.Job{}, progress.Reproof{Started: ledger.Started{Verifies: &ledger.Verification{}}, Counts: counts}, time.Time{})
		if r.Reason != tc.reason || r.Verified != (tc.reason == "") {
			t.Errorf("%s: verified %t, %q, want %q", name, r.Verified, r.Reason, tc.reason)
		}
	}
}

func TestAShareIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]int64{"1%": 10_000, "100%": 1_000_000, "0.5%": 5_000, "0.0001%": 1, " 12.5% ": 125_000} {
		got, err := ParseShare(text)
		if err != nil || got != want {
			t.Errorf("ParseShare(%q) = %d, %v, want %d", text, got, err, want)
		}
		if again, err := ParseShare(ShareText(want)); err != nil || again != want {
			t.Errorf("%d is written %q, which is %d, %v", want, ShareText(want), again, err)
		}
	}
	for _, bad := range []string{"0", "0%", "101%", "-1%", "NaN%", "Inf%", "1", "", "%", "0.00001%", "one%"} {
		if got, err := ParseShare(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("ParseShare(%q) = %d, %v, want it refused", bad, got, err)
		}
	}
}

func TestASampleIsTheSameForTheSameSeedAndAboutAsLargeAsAskedFor(t *testing.T) {
	s, other := Sample{Share: 100_000, Seed: "x"}, Sample{Share: 100_000, Seed: "y"}
	n, both := 0, 0
	for i := range 10_000 {
		key := "k/" + strconv.Itoa(i)
		if s.Has(key) {
			n++
			if other.Has(key) {
				both++
			}
		}
	}
	if n < 900 || n > 1100 || both > 200 {
		t.Errorf("a tenth of 10,000 keys is %d, %d of them in the tenth of another seed", n, both)
	}
}
