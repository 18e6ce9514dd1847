package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// mirrored has deletions mirrored, whatever part of the target they are.
func mirrored(j *job.Job) { j.Delete, j.MaxDeleteShare = true, 1 }

// synced is a world whose n objects a first run has copied; later it is a day later.
func synced(t *testing.T, n int, set ...func(*job.Job)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*job.Job){small, mirrored}, set...)...)
	w.fill(n, 1)
	w.clock.Advance(time.Hour)
	w.run()
	w.clock.Advance(24 * time.Hour)
	return w
}

const laterRun = "j/20260103T000000Z"

// again runs the job once more and returns its report.
func (w *world) runAgain() report.Report {
	w.t.Helper()
	w.fresh()
	w.drive(w.t.Context(), 0, w.startAs(laterRun)...)
	rep, err := report.Read(w.t.Context(), w.config.Ledger.Run(laterRun))
	if err != nil {
		w.t.Fatal(err)
	}
	return rep
}

func remove(t testing.TB, w *world, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := w.src.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDeletionsAreMirrored(t *testing.T) {
	w := synced(t, 400)
	gone := []string{"k/00000", "k/00007", "k/00200", "k/00201", "k/00399"}
	remove(t, w, gone...)
	put(t, w.dst, "k/00007x", []byte("the application's"))
	put(t, w.dst, "a", []byte("the application's"))
	put(t, w.dst, "z", []byte("the application's"))
	rep := w.runAgain()
	wantTotals(t, rep, report.Totals{Listed: 395, Unchanged: 395, Verified: 395, Deleted: 5})
	if rep.Result != report.Verified || rep.Mirror == nil || rep.Mirror.Deleted.Objects != 5 || rep.Mirror.Candidates.Objects != 5 {
		t.Errorf("result %s, mirror %+v, want verified with 5 of 5 deleted", rep.Result, rep.Mirror)
	}
	for _, k := range gone {
		if _, err := w.dst.Stat(t.Context(), k); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s is still in the target (%v)", k, err)
		}
	}
	for _, k := range []string{"k/00007x", "a", "z"} {
		if _, err := w.dst.Stat(t.Context(), k); err != nil {
			t.Errorf("%s, which Ferry did not write, is gone: %v", k, err)
		}
	}
}

func TestDeletionsAreRefusedAsAWholeWhereTheyLookLikeAMistake(t *testing.T) {
	for name, tc := range map[string]struct {
		set    func(*job.Job)
		before func(t *testing.T, w *world)
		reason string
	}{
		"an empty source": {
			before: func(t *testing.T, w *world) { remove(t, w, w.src.Keys()...) },
			reason: "the source is empty",
		},
		"a wrong prefix": {
			before: func(t *testing.T, w *world) {
				w.job.Source.Prefix, w.job.Target.Prefix = "wrong/", "k/"
			},
			reason: "the source is empty under \"wrong/\"",
		},
		"more than the job allows": {
			set:    func(j *job.Job) { j.MaxDeletes = 3 },
			before: func(t *testing.T, w *world) { remove(t, w, w.src.Keys()[:4]...) },
			reason: "4 objects would be deleted, and maxDeletes allows 3",
		},
		"a stretch that could not be listed": {
			before: func(t *testing.T, w *world) {
				remove(t, w, w.src.Keys()[0])
				w.give = func(tk task.Task) error {
					if tk.Kind == task.List && tk.Shard != ledger.RootShard {
						return fault.New(fault.Invalid, "list", "", errors.New("out of order"))
					}
					return nil
				}
			},
			reason: "could not be listed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := tc.set
			if set == nil {
				set = func(*job.Job) {}
			}
			w := synced(t, 200, set)
			tc.before(t, w)
			held := w.dst.Keys()
			rep := w.runAgain()
			if rep.Mirror == nil || !strings.Contains(rep.Mirror.Refused, tc.reason) || rep.Result != report.Incomplete {
				t.Errorf("result %s, mirror %+v, want incomplete, refused because %s", rep.Result, rep.Mirror, tc.reason)
			}
			if now := w.dst.Keys(); !slices.Equal(now, held) {
				t.Errorf("the target holds %d objects, want the %d it held", len(now), len(held))
			}
		})
	}
}

func TestACandidateIsLookedAtOnceMoreBeforeItIsDeleted(t *testing.T) {
	w := synced(t, 50)
	remove(t, w, "k/00001", "k/00002", "k/00003", "k/00004")
	w.before = func(tk task.Task) {
		if tk.Kind != task.Delete {
			return
		}
		w.before = nil
		put(t, w.src, "k/00001", []byte("it is back"))
		put(t, w.dst, "k/00002", []byte("the application's"))
		if err := w.dst.Delete(t.Context(), "k/00003"); err != nil {
			t.Fatal(err)
		}
	}
	rep := w.runAgain()
	if m := rep.Mirror; m == nil || m.Candidates.Objects != 4 || m.Deleted.Objects != 2 || m.Kept.Objects != 2 || m.Failed.Objects != 0 {
		t.Errorf("mirror %+v, want 4 candidates, 2 deleted, 2 kept", m)
	}
	for _, k := range []string{"k/00001", "k/00002"} {
		if _, err := w.dst.Stat(t.Context(), k); err != nil {
			t.Errorf("%s was deleted: %v", k, err)
		}
	}
}

func TestADeletionThatFailsIsAFailedRow(t *testing.T) {
	w := synced(t, 20)
	remove(t, w, "k/00001", "k/00002")
	w.target = func(d pipeline.Target) pipeline.Target { return undeletable{d} }
	rep := w.runAgain()
	if m := rep.Mirror; m == nil || m.Failed.Objects != 1 || m.Deleted.Objects != 1 || rep.Result != report.Incomplete {
		t.Errorf("result %s, mirror %+v, want incomplete with one failed and one deleted", rep.Result, m)
	}
	if len(rep.Failures) != 1 || rep.Failures[0].Key != "k/00001" || !strings.Contains(rep.Failures[0].Reason, "WORM") {
		t.Errorf("failures %+v, want k/00001 with its reason", rep.Failures)
	}
}

type undeletable struct{ pipeline.Target }

func (u undeletable) Delete(ctx context.Context, key string) error {
	if key == "k/00001" {
		return fault.New(fault.Denied, "oss.Delete", key, errors.New("a WORM policy holds it"))
	}
	return u.Target.Delete(ctx, key)
}

func TestMirroredDeletionsSurviveBadDeliveryAndKills(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := synced(t, 300)
			remove(t, w, w.src.Keys()[100:180]...)
			w.queue.Seed, w.queue.Duplicate, w.queue.Reorder = seed, 0.3, 0.3
			w.fresh()
			w.drive(t.Context(), 4+int(seed)*3, w.startAs(laterRun)...)
			w.fresh()
			open, err := w.pipe.Resume(t.Context(), laterRun)
			if err != nil {
				t.Fatal(err)
			}
			w.drive(t.Context(), 0, open...)
			rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
			if err != nil {
				t.Fatal(err)
			}
			if m := rep.Mirror; m == nil || m.Deleted.Objects != 80 || rep.Result != report.Verified {
				t.Errorf("result %s, mirror %+v, want verified with 80 deleted", rep.Result, m)
			}
			if n := len(w.dst.Keys()); n != 220 {
				t.Errorf("the target holds %d objects, want 220", n)
			}
		})
	}
}

func TestNothingIsDeletedUnlessTheJobSaysSo(t *testing.T) {
	w := newWorld(t, small)
	w.fill(50, 1)
	w.run()
	w.clock.Advance(24 * time.Hour)
	remove(t, w, "k/00001")
	rep := w.runAgain()
	if _, err := w.dst.Stat(t.Context(), "k/00001"); err != nil || rep.Mirror != nil {
		t.Errorf("the target's copy: %v; mirror %+v, want it kept and no word of it", err, rep.Mirror)
	}
}

func TestAListOfKeysIsNeverMirrored(t *testing.T) {
	w := synced(t, 20)
	if tasks, err := w.pipe.Start(t.Context(), w.job, laterRun, "k/00001"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("it began with %d tasks (%v), want it refused as invalid", len(tasks), err)
	}
	if _, err := w.config.Ledger.Run(laterRun).ReadStarted(t.Context()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the run was begun all the same (%v)", err)
	}
}

func TestALongStretchThatOnlyTheTargetHasIsJumpedOver(t *testing.T) {
	w := newWorld(t)
	for i := range 20_000 {
		put(t, w.dst, fmt.Sprintf("b/%06d", i), nil)
	}
	for _, k := range []string{"a", "b/010000x", "c", "d"} {
		put(t, w.src, k, []byte(k))
	}
	seen := 0
	w.target = func(d pipeline.Target) pipeline.Target { return &observed{Target: d, seen: &seen} }
	w.fresh()
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 4, Copied: 4, Verified: 4})
	if seen > 20_000 { // twice 20,000 would be all of them, for listing and for verification
		t.Errorf("%d of the target's objects were listed, want the stretches jumped over", seen)
	}
}

type observed struct {
	pipeline.Target
	seen *int
}

func (w *observed) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range w.Target.List(ctx, r) {
			*w.seen++
			if !yield(o, err) {
				return
			}
		}
	}
}

// outrun is a ledger's bucket in which another process writes the record of that name just
// before this one does.
type outrun struct {
	*mem.Bucket
	name  string
	other func()
}

func (o *outrun) Put(ctx context.Context, at store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if other := o.other; other != nil && strings.HasSuffix(at.Key, "/"+o.name) {
		o.other = nil
		other()
	}
	return o.Bucket.Put(ctx, at, body, how)
}

// The decision that waited and the one that the last verification woke may be made at the
// same time. Were both to send what follows, each object would be removed twice.
func TestADecisionOnDeletionsThatAnotherMadeAtTheSameTimeSendsNone(t *testing.T) {
	w := synced(t, 40)
	remove(t, w, "k/00000", "k/00007")
	w.fresh()
	var decide task.Task
	for tasks := w.startAs(laterRun); len(tasks) > 0; tasks = tasks[1:] {
		switch tasks[0].Kind {
		case task.Decide:
			decide = tasks[0]
			continue
		case task.Report:
			continue
		}
		next, err := w.pipe.Do(t.Context(), tasks[0])
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, next...)
	}
	theirs := w.config.Ledger.Run(laterRun)
	made := false
	w.config.Ledger = ledger.Open(&outrun{w.led, "gate.json", func() {
		made = true
		if _, err := theirs.CreateDeleteDecision(t.Context(), ledger.DeleteDecision{Allowed: true, Candidates: ledger.Tally{Objects: 2}, By: "another", At: w.clock.Now()}); err != nil {
			t.Error(err)
		}
	}}, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
	next, err := w.pipe.Do(t.Context(), decide)
	if err != nil || !made || len(next) != 1 || next[0].Kind != task.Decide {
		t.Fatalf("%+v, %v (another decided: %v), want it to look again", next, err, made)
	}
	// Where the other one died before it sent what follows, this one sends it then.
	w.clock.Advance(next[0].Delay)
	next, err = w.pipe.Do(t.Context(), next[0])
	if err != nil || len(next) != 1 || next[0].Kind != task.Delete {
		t.Errorf("later %+v, %v, want the deletion", next, err)
	}
}
