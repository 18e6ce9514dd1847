package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// unhurried is a target whose bodies come at so many bytes a second, and that counts them.
type unhurried struct {
	pipeline.Target
	rate int64
	read *atomic.Int64
	from *[]int64 // where each body began
}

func (s unhurried) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	*s.from = append(*s.from, off)
	found, body, err := s.Target.Open(ctx, o, off, n)
	if err != nil {
		return found, nil, err
	}
	return found, unhurriedBody{body, s}, nil
}

type unhurriedBody struct {
	io.ReadCloser
	of unhurried
}

func (b unhurriedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.of.read.Add(int64(n))
	time.Sleep(time.Duration(n) * time.Second / time.Duration(b.of.rate))
	return n, err
}

// TestAProofThatDoesNotFitAnInvocationGoesOnInTheNext has a large object in the target
// before, whose reading takes several invocations. No byte of it is read twice, and none
// of the source.
func TestAProofThatDoesNotFitAnInvocationGoesOnInTheNext(t *testing.T) {
	for name, differs := range map[string]bool{"equal bytes": false, "other bytes at the end": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(j *job.Job) { j.Limits.PartsAbove, j.Limits.PartSize = 4<<20, 4<<20 })
				body := bytes.Repeat([]byte("0123456789abcdef"), 5*digest.BlockSize/16/4)
				put(t, w.src, "large", body)
				if differs {
					body = append(bytes.Clone(body[:len(body)-1]), '!')
				}
				put(t, w.dst, "large", body)
				var read atomic.Int64
				var from []int64
				w.target = func(b pipeline.Target) pipeline.Target { return unhurried{b, 64 << 10, &read, &from} }
				w.source = func(s store.Source) store.Source {
					return &troubled{Source: s, open: func(_ context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
						t.Errorf("%s is read at the source", o.Key)
						return store.Object{}, nil, fault.New(fault.Denied, "test", o.Key, nil)
					}}
				}
				w.fresh()
				tasks, invocations := w.start(), 0
				last := map[task.Kind]int{task.Verify: 1, task.Report: 2}
				for len(tasks) > 0 {
					slices.SortStableFunc(tasks, func(a, b task.Task) int { return cmp.Compare(last[a.Kind], last[b.Kind]) })
					at := tasks[0]
					tasks = tasks[1:]
					ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
					next, err := w.pipe.Do(ctx, at)
					cancel()
					if err != nil {
						t.Fatal(at.Kind, err)
					}
					if at.Kind == task.Copy {
						invocations++
					}
					tasks = append(tasks, next...)
				}
				rep := w.report()
				if invocations < 3 || read.Load() != int64(len(body)) || from[0] != 0 || from[1] == 0 {
					t.Errorf("%d invocations read %d bytes from %v, want at least 3, and each of the %d bytes once", invocations, read.Load(), from, len(body))
				}
				if o := rep.Objects; !differs && (o.Unchanged != 1 || rep.Result != report.Verified || rep.Proofs[ledger.ByQetag].Objects != 1) || differs && o.Conflict != 1 {
					t.Errorf("%s, %+v, proved by %v, failures %+v", rep.Result, o, rep.Proofs, rep.Failures)
				}
			})
		})
	}
}

// TestAnEventProvesWhatIsPresentAndSetsAttributes has events of keys whose objects are in
// the target: the source's bytes by somebody else, other bytes, and the job's copy, whose
// type has changed at the source.
func TestAnEventProvesWhatIsPresentAndSetsAttributes(t *testing.T) {
	for _, kind := range []string{"kodo", "s3"} {
		t.Run(kind, func(t *testing.T) { anEventProvesWhatIsPresentAndSetsAttributes(t, kind) })
	}
}

func anEventProvesWhatIsPresentAndSetsAttributes(t *testing.T, kind string) {
	w := followed(t, 1)
	proof := ledger.ByQetag
	if kind != "kodo" {
		w.src.Flavor, proof = mem.OSS, ledger.ByMD5
	}
	w.source = func(s store.Source) store.Source { return telling{s, kind} }
	w.fresh()
	for _, key := range []string{"same", "other", "ours"} {
		put(t, w.src, key, []byte("the bytes of "+key))
		w.src.Alter(key, func(o *store.Object) { o.Type = "text/plain" })
	}
	w.drive(t.Context(), 0, w.notified("ours")...)
	put(t, w.dst, "same", []byte("the bytes of same"))
	put(t, w.dst, "other", []byte("THE BYTES OF OTHER"))
	w.src.Alter("ours", func(o *store.Object) { o.Type = "text/new" })
	was, err := w.dst.Stat(t.Context(), "ours")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	for _, key := range []string{"same", "other", "ours"} {
		w.drive(t.Context(), 0, w.notified(key)...)
	}
	now, err := w.dst.Stat(t.Context(), "ours")
	if err != nil || now.Type != "text/new" || now.Hash != was.Hash {
		t.Errorf("ours is %+v (%v), want the source's type over the same bytes", now, err)
	}
	if got := string(read(t, w.dst, "other")); got != "THE BYTES OF OTHER" {
		t.Errorf("the application's object is %q", got)
	}
	ended := map[string]ledger.Row{}
	for _, rows := range w.eventRows() {
		for _, row := range rows {
			ended[row.Key()] = row
		}
	}
	for key, want := range map[string]ledger.State{"same": ledger.Unchanged, "other": ledger.Conflict} {
		if row := ended[key]; row.State != want || want == ledger.Unchanged && (row.Verdict != ledger.Verified || row.Proof != proof) {
			t.Errorf("%s ends as %+v, want %s", key, row, want)
		}
	}
	updated := 0
	for _, rows := range w.eventRows() {
		for _, row := range rows {
			if row.Key() == "ours" && row.State == ledger.Updated && row.Verdict == ledger.Verified {
				updated++
			}
		}
	}
	if updated != 1 {
		t.Errorf("%d rows of ours are updated and verified, want one", updated)
	}
}

// TestAttributesThatTheTargetDoesNotSetAreAWarning has a target that refuses to set the
// attributes of an object, and one that denies it.
func TestAttributesThatTheTargetDoesNotSetAreAWarning(t *testing.T) {
	for kind, want := range map[fault.Kind]report.Totals{
		fault.Invalid: {Listed: 3, Unchanged: 3, Verified: 3},
		fault.Denied:  {Listed: 3, Unchanged: 2, Failed: 1, Verified: 2},
	} {
		w := newWorld(t, small)
		w.fill(3, 1)
		w.src.Alter("k/00001", func(o *store.Object) { o.Type = "text/plain" })
		w.run()
		w.src.Alter("k/00001", func(o *store.Object) { o.Type = "text/new" })
		w.target = func(b pipeline.Target) pipeline.Target { return unsettable{b, kind} }
		w.clock.Advance(time.Hour)
		rep := w.runAgain()
		wantTotals(t, rep, want)
		if kind == fault.Invalid && (rep.Warned != 1 || rep.Result != report.Verified) {
			t.Errorf("%s with %d warnings, want it verified with one", rep.Result, rep.Warned)
		}
		if kind == fault.Denied && (len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Reason, "no attributes")) {
			t.Errorf("failures %+v, want why", rep.Failures)
		}
	}
}

type unsettable struct {
	pipeline.Target
	kind fault.Kind
}

func (u unsettable) SetAttributes(_ context.Context, o store.Object) (store.Stored, error) {
	return store.Stored{}, fault.New(u.kind, "test", o.Key, fault.Errorf("no attributes of it are set"))
}
