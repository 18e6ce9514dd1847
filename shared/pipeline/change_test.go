package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestWhatChangesMeanwhileIsCopiedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *world)
		want   report.Totals
	}{
		"overwritten": {func(w *world) { put(w.t, w.src, "k/00010", []byte("a new version of it")) }, report.Totals{Listed: 60, Copied: 60, Verified: 60}},
		"deleted":     {func(w *world) { _ = w.src.Delete(w.t.Context(), "k/00010") }, report.Totals{Listed: 60, Copied: 59, Gone: 1, Verified: 59}},
		"new":         {func(w *world) { put(w.t, w.src, "k/00010x", []byte("new")) }, report.Totals{Listed: 61, Copied: 61, Verified: 61}},
		"deleted and written again": {func(w *world) {
			_ = w.src.Delete(w.t.Context(), "k/00010")
			put(w.t, w.src, "k/00010", []byte("again"))
		}, report.Totals{Listed: 60, Copied: 60, Verified: 60}},
	} {
		for when, stage := range map[string]task.Kind{"before it is copied": task.Copy, "after it was copied": task.Verify} {
			t.Run(name+" "+when, func(t *testing.T) {
				w := newWorld(t, small)
				w.fill(60, 4)
				w.clock.Advance(time.Hour)
				changed := false
				w.pipeline(func(tk task.Task) {
					if tk.Kind == stage && !changed && w.allCopied(stage) {
						changed = true
						w.clock.Advance(time.Second)
						tc.change(w)
					}
				})
				rep := w.run()
				wantTotals(t, rep, tc.want)
				if name != "deleted" {
					w.same()
				}
			})
		}
	}
}

func TestAVersionThatTheFilterDoesNotChooseIsNotCopied(t *testing.T) {
	for name, set := range map[string]func(*job.Job){
		"whole":    func(j *job.Job) {},
		"in parts": func(j *job.Job) { j.Limits.PartsAbove = 4 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small, set, func(j *job.Job) { j.Filter.MaxSize = 5 << 20 })
			put(t, w.src, "k/0", make([]byte, 5<<20))
			w.clock.Advance(time.Hour)
			changed := false
			w.pipeline(func(tk task.Task) {
				if !changed && tk.Kind != task.List && tk.Kind != task.Report {
					changed = true
					w.clock.Advance(time.Second)
					put(t, w.src, "k/0", make([]byte, 5<<20+1))
				}
			})
			rep := w.run()
			wantTotals(t, rep, report.Totals{Listed: 1, Gone: 1})
			if row := w.rows()["k/0"]; row.Cause != ledger.Unchosen {
				t.Errorf("its row is %+v, want it gone for the filter's sake", row)
			}
			if _, err := w.dst.Stat(t.Context(), "k/0"); fault.KindOf(err) != fault.NotFound {
				t.Errorf("the target has it (%v), and the filter chooses none of its size", err)
			}
		})
	}
}

func TestTheApplicationsBytesSurvive(t *testing.T) {
	const key = "k/00010"
	app := []byte("the application wrote this")
	for name, tc := range map[string]struct {
		first bool      // a whole run came before
		old   bool      // the application wrote the same bytes before the source's object was
		when  task.Kind // the application writes before the first task of this kind
	}{
		"written before the first run":                      {false, false, task.List},
		"written between listing and copying, new":          {false, false, task.Copy},
		"written between listing and copying, anew":         {false, true, task.Copy},
		"written after it was copied":                       {false, false, task.Verify},
		"written over a copy before a delta":                {true, false, task.List},
		"written over a copy between listing and the delta": {true, false, task.Copy},
		"written over the delta's copy":                     {true, false, task.Verify},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			if tc.old {
				put(t, w.dst, key, app)
				w.clock.Advance(time.Hour)
			}
			w.fill(60, 5)
			w.clock.Advance(time.Hour)
			if tc.first {
				w.run()
				w.clock.Advance(time.Hour)
				put(t, w.src, key, []byte("a newer version at the source"))
				w.clock.Advance(time.Second)
				w.fresh()
			}
			written := false
			w.pipeline(func(tk task.Task) {
				if tk.Kind == tc.when && !written && w.allCopied(tc.when) {
					written = true
					w.clock.Advance(time.Second)
					put(t, w.dst, key, app)
				}
			})
			name := "j/20260102T000000Z"
			w.drive(t.Context(), 0, w.startAs(name)...)
			rep, err := report.Read(t.Context(), w.config.Ledger.Run(name))
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, w.dst, key); !bytes.Equal(got, app) {
				t.Errorf("the target has %q, want the application's bytes", got)
			}
			if rep.Objects.Conflict != 1 || rep.Result != report.Incomplete {
				t.Errorf("conflicts %d, result %s, want 1, incomplete", rep.Objects.Conflict, rep.Result)
			}
		})
	}
}

// TestTheSameBytesOverACopyAreTheApplications has the application write over a copy, with
// the same bytes, before the copy is verified, and the source change, or lose, the object.
func TestTheSameBytesOverACopyAreTheApplications(t *testing.T) {
	const key = "k/00010"
	itself := func(w *world, o store.Object) store.Object { o.Type = "the application's"; return o }
	anew := func(w *world, o store.Object) store.Object { return store.Object{Key: key, Size: o.Size} }
	for name, tc := range map[string]struct {
		later time.Duration // than the copy
		write func(*world, store.Object) store.Object
		kept  bool
	}{
		"a second later":                      {time.Second, anew, true},
		"copied onto itself, minutes later":   {time.Minute, itself, true},
		"by another machine of the service's": {time.Second, func(_ *world, o store.Object) store.Object { return o }, false}, // the copy itself, by the metadata
	} {
		for _, gone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, gone %v", name, gone), func(t *testing.T) {
				w := newWorld(t, small, func(j *job.Job) { j.Delete, j.AllowEmpty, j.MaxDeleteShare = true, true, 1 })
				w.fill(60, 5)
				w.dst.Now = func() time.Time { return w.clock.Now().Truncate(time.Second) }
				w.clock.Advance(time.Hour)
				var wrote store.Object
				w.pipeline(func(tk task.Task) {
					if tk.Kind == task.Verify && wrote.Key == "" && w.allCopied(tk.Kind) {
						w.clock.Advance(tc.later)
						o, err := w.dst.Stat(t.Context(), key)
						if err != nil {
							t.Fatal(err)
						}
						wrote = tc.write(w, o)
						if _, err := w.dst.Put(t.Context(), wrote, bytes.NewReader(read(t, w.dst, key)), store.Put{}); err != nil {
							t.Fatal(err)
						}
						wrote, _ = w.dst.Stat(t.Context(), key)
					}
				})
				rep := w.run()
				if rep.Result != report.Verified {
					t.Errorf("the first run is %s (%s), want it verified: the bytes are the source's", rep.Result, rep.Reason)
				}
				w.clock.Advance(time.Hour)
				if gone {
					_ = w.src.Delete(t.Context(), key)
				} else {
					put(t, w.src, key, []byte("a newer version at the source"))
				}
				w.clock.Advance(time.Second)
				w.fresh()
				w.drive(t.Context(), 0, w.startAs("j/20260102T000000Z")...)
				now, err := w.dst.Stat(t.Context(), key)
				if kept := err == nil && now.Hash == wrote.Hash && now.Modified.Equal(wrote.Modified); kept != tc.kept {
					t.Errorf("the target has %+v (%v), want what stood there kept: %v", now, err, tc.kept)
				}
			})
		}
	}
}

func TestTheApplicationMayWriteWhileABodyFlows(t *testing.T) {
	const key = "k/00010"
	app := []byte("the application wrote this")
	w := newWorld(t, small)
	w.fill(60, 6)
	w.clock.Advance(time.Hour)
	w.run()
	w.clock.Advance(time.Hour)
	put(t, w.src, key, bytes.Repeat([]byte("new"), 1000))
	w.clock.Advance(time.Hour)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, open: func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
			if o.Key == key { // the overwrite has been decided, the body begins to flow
				put(t, w.dst, key, app)
			}
			return o, nil, nil
		}}
	}
	w.fresh()
	w.drive(t.Context(), 0, w.startAs("j/20260102T000000Z")...)
	if got := read(t, w.dst, key); !bytes.Equal(got, app) {
		t.Errorf("the target has %q, want the application's bytes", got)
	}
}

// pipeline wraps the worker's doer so that before is called ahead of each task.
func (w *world) pipeline(before func(task.Task)) { w.before = before }

// allCopied reports whether, for a task of that kind, nothing is left to copy.
func (w *world) allCopied(k task.Kind) bool {
	if k != task.Verify {
		return true
	}
	for _, name := range []string{runName, "j/20260102T000000Z"} {
		walk, err := progress.Walk(w.t.Context(), w.config.Ledger.Run(name))
		if err != nil || walk.Reported {
			continue
		}
		for _, s := range walk.Shards {
			if s.Closed == nil || len(s.Open) > 0 {
				return false
			}
		}
	}
	return true
}
