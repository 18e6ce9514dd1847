package pipeline_test

import (
	"context"
	"io"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// noLarge is a target that fails the test where an object of over 4 MiB is put whole.
type noLarge struct {
	pipeline.Target
	t *testing.T
}

func (n noLarge) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if o.Size > 4*mib {
		n.t.Errorf("%s, of %d bytes, is put whole", o.Key, o.Size)
	}
	return n.Target.Put(ctx, o, body, how)
}

// TestALargeObjectThatNeedsACopyAfterAllGoesInParts has objects that are sealed among others
// and turn out, as their batch is copied, to be large ones that are to be copied.
func TestALargeObjectThatNeedsACopyAfterAllGoesInParts(t *testing.T) {
	const key = "k"
	change := func(w *world) { put(w.t, w.src, key, random(5*mib, 2)) }
	vanish := func(w *world) {
		if err := w.dst.Delete(w.t.Context(), key); err != nil {
			w.t.Fatal(err)
		}
	}
	newer := func(j *job.Job) { j.Overwrite = job.OverwriteNewer }
	for name, tc := range map[string]struct {
		set    func(*job.Job)
		before func(w *world)
		amid   func(w *world)
	}{
		"what was there differs from it": {newer, func(w *world) {
			put(w.t, w.dst, key, random(5*mib, 3))
			w.clock.Advance(time.Hour)
			change(w)
		}, nil},
		"what was there is gone": {nil, func(w *world) {
			change(w)
			put(w.t, w.dst, key, random(5*mib, 2))
		}, vanish},
		"its attributes were to be set, and it is gone": {nil, func(w *world) {
			change(w)
			w.src.Alter(key, func(o *store.Object) { o.Type = "text/plain" })
			w.again()
			w.src.Alter(key, func(o *store.Object) { o.Type = "text/new" })
		}, vanish},
		"its attributes were to be set, and the source has another": {nil, func(w *world) {
			change(w)
			w.src.Alter(key, func(o *store.Object) { o.Type = "text/plain" })
			w.again()
			w.src.Alter(key, func(o *store.Object) { o.Type = "text/new" })
		}, func(w *world) { put(w.t, w.src, key, random(6*mib, 4)) }},
		"it was a small one when it was listed": {nil, func(w *world) { put(w.t, w.src, key, random(9, 1)) }, change},
	} {
		set := tc.set
		if set == nil {
			set = func(*job.Job) {}
		}
		for how, by := range map[string]func(w *world) report.Result{
			"by a run": func(w *world) report.Result {
				w.before = first(task.Copy, func() {
					w.clock.Advance(time.Minute)
					if tc.amid != nil {
						tc.amid(w)
					}
				})
				_, rep := w.again()
				return rep.Result
			},
			"by an event": func(w *world) report.Result {
				w.keep()
				heads := 0
				w.source = func(s store.Source) store.Source {
					return lookedAt{s, func() {
						if heads++; heads == 1 && tc.amid != nil { // it was described as it was
							tc.amid(w)
						}
					}}
				}
				w.fresh()
				w.drive(w.t.Context(), 0, w.notified(key)...)
				return report.Verified
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				w := newWorld(t, inParts, following, set)
				w.target = func(b pipeline.Target) pipeline.Target { return noLarge{b, t} }
				w.fresh()
				put(t, w.src, "other", []byte("other"))
				tc.before(w)
				w.fresh()
				if got := by(w); got != report.Verified {
					t.Errorf("the run is %s", got)
				}
				if how == "by a run" {
					w.same()
				} else if want, got := read(t, w.src, key), read(t, w.dst, key); string(want) != string(got) {
					t.Error("the target does not have the source's bytes")
				}
			})
		}
	}
}

// lookedAt is a source that calls seen after each of its answers to a HEAD.
type lookedAt struct {
	store.Source
	seen func()
}

func (l lookedAt) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := l.Source.Stat(ctx, key)
	l.seen()
	return o, err
}
