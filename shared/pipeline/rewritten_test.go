package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/plan"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

const rewritten = "k"

// edit has the application write other bytes over a copy in the target, of its size and
// with its metadata, some time later.
func (w *world) edit(n int) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	o, err := w.dst.Stat(w.t.Context(), rewritten)
	if err != nil || o.Origin == nil {
		w.t.Fatalf("the copy is %+v, %v", o, err)
	}
	body := bytes.Repeat([]byte{byte('0' + n)}, int(o.Size))
	if _, err := w.dst.Put(w.t.Context(), store.Object{Key: rewritten, Size: o.Size, Type: o.Type, Origin: o.Origin}, bytes.NewReader(body), store.Put{}); err != nil {
		w.t.Fatal(err)
	}
}

// first calls do before the first task of a kind. One that begins an object in parts is one
// that copies.
func first(kind task.Kind, do func()) func(task.Task) {
	done := false
	return func(at task.Task) {
		if (at.Kind == kind || kind == task.Copy && at.Kind == task.Begin) && !done {
			done = true
			do()
		}
	}
}

// eachCopied is what is done with a world in which a first run has copied one object, of
// each kind of source, whole and in parts.
func eachCopied(t *testing.T, name string, do func(t *testing.T, w *world, size int), set ...func(*job.Job)) {
	t.Helper()
	for _, kind := range []string{"kodo", "s3", "bare"} {
		for how, size := range map[string]int{"whole": 9, "in parts": 5 << 20} {
			t.Run(fmt.Sprintf("%s, %s, %s", name, kind, how), func(t *testing.T) {
				do(t, copiedWorld(t, kind, size, set...), size)
			})
		}
	}
}

// copiedWorld is one in which a first run has copied one object of a kind of source; one of
// more than 4 MiB in parts.
func copiedWorld(t *testing.T, kind string, size int, set ...func(*job.Job)) *world {
	t.Helper()
	return copiedWorldAt(t, kind, size, 0, set...)
}

// copiedWorldAt is copiedWorld with a target whose clock is off by skew.
func copiedWorldAt(t *testing.T, kind string, size int, skew time.Duration, set ...func(*job.Job)) *world {
	t.Helper()
	w := newWorld(t, append(set, func(j *job.Job) { j.Limits.PartsAbove, j.Limits.PartSize = 4<<20, 4<<20 })...)
	if kind != "kodo" {
		w.src = mem.New(mem.OSS)
	}
	w.src.Now = w.clock.Now
	w.dst.Now = func() time.Time { return w.clock.Now().Add(skew).Truncate(time.Second) }
	w.source = func(s store.Source) store.Source { return telling{s, kind} }
	w.fresh()
	put(t, w.src, rewritten, bytes.Repeat([]byte("a"), size))
	w.src.Alter(rewritten, func(o *store.Object) { o.Type = "text/plain" })
	if rep := w.run(); rep.Result != report.Verified {
		t.Fatalf("%s, %+v", rep.Result, rep.Failures)
	}
	return w
}

// TestWhatIsWrittenOverACopyWithItsMetadataStays has an application write over a copy,
// before or amid a second run, which must not take its object for a copy of the source's,
// nor replace it.
func TestWhatIsWrittenOverACopyWithItsMetadataStays(t *testing.T) {
	change := func(w *world, size int) {
		w.clock.Advance(time.Minute)
		put(w.t, w.src, rewritten, bytes.Repeat([]byte("z"), size))
	}
	for name, happens := range map[string]func(w *world, size int){
		"and its HEAD is refused while it is listed": func(w *world, _ int) {
			w.edit(1)
			var listing atomic.Bool
			w.before = func(at task.Task) { listing.Store(at.Kind == task.List) }
			w.target = func(b pipeline.Target) pipeline.Target { return undescribed{b, rewritten, fault.Denied, &listing} }
		},
		"before another version is copied": func(w *world, size int) {
			change(w, size)
			w.before = first(task.Copy, func() { w.edit(1) })
		},
		"before its attributes are set": func(w *world, _ int) {
			now := w.clock.Now()
			w.src.Alter(rewritten, func(o *store.Object) { o.Type, o.Modified = "text/new", now })
			w.before = first(task.Copy, func() { w.edit(1) })
		},
		"and again before that is proved": func(w *world, _ int) {
			w.edit(1)
			w.before = first(task.Copy, func() { w.edit(2) })
		},
		"before the run verifies it": func(w *world, size int) {
			w.before = first(task.Verify, func() { w.edit(1) })
		},
	} {
		eachCopied(t, name, func(t *testing.T, w *world, size int) {
			happens(w, size)
			w.fresh()
			_, rep := w.again()
			w.edited()
			if rep.Result == report.Verified || rep.Objects.Conflict != 1 {
				t.Errorf("%s, %+v, want a conflict", rep.Result, rep.Objects)
			}
		})
	}
}

// edited fails unless the target has what edit wrote.
func (w *world) edited() {
	w.t.Helper()
	if o, err := w.dst.Stat(w.t.Context(), rewritten); err != nil {
		w.t.Errorf("what the application wrote: %v", err)
	} else if got := read(w.t, w.dst, o.Key)[0]; got != '1' && got != '2' {
		w.t.Errorf("the target has %q, want what the application wrote", got)
	}
}

// TestAMirrorLeavesWhatIsWrittenOverACopyWithItsMetadata has the source lose an object over
// whose copy an application writes, before or amid a run that mirrors, or another before it.
func TestAMirrorLeavesWhatIsWrittenOverACopyWithItsMetadata(t *testing.T) {
	lose := func(w *world) {
		if err := w.src.Delete(w.t.Context(), rewritten); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, happens := range map[string]func(w *world){
		"before the run": func(w *world) { w.edit(1); lose(w) },
		"before a run that keeps it": func(w *world) {
			w.edit(1)
			w.again()
			lose(w)
		},
		"before its removal": func(w *world) {
			lose(w)
			w.before = first(task.Delete, func() { w.edit(1) })
		},
		"after it is listed, and the source loses it": func(w *world) {
			w.before = first(task.Verify, func() { w.edit(1); lose(w) })
			w.again()
		},
	} {
		eachCopied(t, name, func(t *testing.T, w *world, _ int) {
			put(t, w.src, "other", []byte("stays"))
			happens(w)
			w.fresh()
			name, rep := w.again()
			w.edited()
			if rep.Objects.Deleted != 0 || rep.Mirror == nil || rep.Mirror.Deleted.Objects != 0 {
				t.Errorf("%+v, %+v, want nothing deleted", rep.Objects, rep.Mirror)
			}
			src, dst, err := w.config.Open(t.Context(), w.job)
			if err != nil {
				t.Fatal(err)
			}
			s, err := w.config.Ledger.Run(name).ReadStarted(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			past := memory.Memory{Ledger: w.config.Ledger, Runs: s.Last, Warn: func(file string, err error) { t.Errorf("%s: %v", file, err) }}
			p, err := plan.Make(t.Context(), plan.Sides{Source: src, Target: sealed{dst, t}, Last: func(ctx context.Context, in store.Range) (verdict.Lasts, func()) {
				c := past.Open(ctx, in)
				return c.Find, c.Close
			}}, w.job)
			if n := p.Sum(plan.ToDelete, "", "").Objects; err != nil || n != 0 {
				t.Errorf("the plan deletes %d, %v, want none", n, err)
			}
		}, mirrored)
	}
}

// TestAnEventLeavesWhatIsWrittenOverACopyWithItsMetadata has the source lose an object over
// whose copy an application wrote, and notify of that; and another, whose copy stands.
func TestAnEventLeavesWhatIsWrittenOverACopyWithItsMetadata(t *testing.T) {
	for name, happens := range map[string]func(w *world){
		"other bytes": func(w *world) { w.edit(1) },
		"other bytes, which a run found": func(w *world) {
			w.edit(1)
			w.again()
		},
		"other bytes, since a run that is over": func(w *world) {
			w.drive(w.t.Context(), 0, w.notified("other")...) // the day's run began before it
			w.again()
			w.edit(1)
		},
		"the same bytes": func(w *world) {
			w.clock.Advance(time.Minute)
			o, err := w.dst.Stat(w.t.Context(), rewritten)
			if err == nil {
				_, err = w.dst.SetAttributes(w.t.Context(), o)
			}
			if err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		eachCopied(t, name, func(t *testing.T, w *world, _ int) {
			w.keep()
			put(t, w.src, "other", []byte("stays not"))
			w.again()
			happens(w)
			was, err := w.dst.Stat(t.Context(), rewritten)
			if err != nil {
				t.Fatal(err)
			}
			w.fresh()
			for _, key := range []string{rewritten, "other"} {
				if err := w.src.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				w.drive(t.Context(), 0, w.notified(key)...)
			}
			if now, err := w.dst.Stat(t.Context(), rewritten); err != nil || now.Hash != was.Hash {
				t.Errorf("the application's object is %+v, %v", now, err)
			}
			if keys := w.dst.Keys(); len(keys) != 1 {
				t.Errorf("the target has %q, want the copy that stood removed", keys)
			}
		}, mirrored, following)
	}
}

// TestAnEventReplacesNothingThatIsWrittenOverACopyWithItsMetadata has the source notify of another
// version, or of other attributes, of an object over whose copy an application wrote.
func TestAnEventReplacesNothingThatIsWrittenOverACopyWithItsMetadata(t *testing.T) {
	for name, changes := range map[string]func(w *world, size int){
		"another version": func(w *world, size int) { put(w.t, w.src, rewritten, bytes.Repeat([]byte("z"), size)) },
		"its attributes": func(w *world, _ int) {
			now := w.clock.Now()
			w.src.Alter(rewritten, func(o *store.Object) { o.Type, o.Modified = "text/new", now })
		},
	} {
		eachCopied(t, name, func(t *testing.T, w *world, size int) {
			w.keep()
			w.edit(1)
			w.clock.Advance(time.Minute)
			changes(w, size)
			w.drive(t.Context(), 0, w.notified(rewritten)...)
			w.edited()
		}, following)
	}
}
