package pipeline_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// slowToDelete is a target whose first deletions fail.
type slowToDelete struct {
	pipeline.Target
	fails *atomic.Int64
}

func (u slowToDelete) Delete(ctx context.Context, key string) error {
	if u.fails.Add(-1) >= 0 {
		return fault.New(fault.Temporary, "oss.Delete", key, errors.New("reset"))
	}
	return u.Target.Delete(ctx, key)
}

// faulty has the first n reads of the source end with a fault.
func (w *world) faulty(n int64, kind fault.Kind) {
	var opened atomic.Int64
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, open: func(_ context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
			if opened.Add(1) <= n {
				return o, nil, fault.New(kind, "kodo.Open", o.Key, errors.New("cut"))
			}
			return o, nil, nil
		}}
	}
	w.fresh()
}

// twice does each task twice, as where a queue delivers twice, and returns how
// long the second delivery of a batch of that kind has its rest wait, and the first.
func (w *world) twice(kind task.Kind, tasks ...task.Task) (first, second time.Duration) {
	w.t.Helper()
	do := func(t task.Task) []task.Task {
		next, err := w.pipe.Do(w.t.Context(), t)
		if err != nil {
			w.t.Fatalf("%s: %v", t.Kind, err)
		}
		return next
	}
	for n := 0; len(tasks) > 0 && n < 200; n++ {
		t := tasks[0]
		next := do(t)
		if t.Kind == kind {
			w.clock.Advance(100 * time.Millisecond)
			twin := do(t)
			for i, one := range next {
				if one.Batch != t.Batch && one.Delay > 0 && one.Kind != task.Verify {
					return one.Delay, twin[i].Delay
				}
			}
		}
		tasks = append(tasks[1:], next...)
		w.clock.Advance(10 * time.Second)
	}
	w.t.Fatalf("no %s task had its rest wait", kind)
	return 0, 0
}

func TestASecondDeliveryOfABatchKeepsThePauseOfItsRest(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (*world, task.Kind, []task.Task){
		"a batch": func(t *testing.T) (*world, task.Kind, []task.Task) {
			w := newWorld(t, small)
			w.fill(10, 1)
			w.faulty(100, fault.Temporary)
			return w, task.Copy, w.start()
		},
		"a big object that begins anew": func(t *testing.T) (*world, task.Kind, []task.Task) {
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(5*mib, 1))
			w.faulty(1, fault.Changed)
			return w, task.Part, w.start()
		},
		"deletions": func(t *testing.T) (*world, task.Kind, []task.Task) {
			w := synced(t, 30)
			remove(t, w, "k/00003")
			var fails atomic.Int64
			fails.Store(1)
			w.target = func(d pipeline.Target) pipeline.Target { return slowToDelete{d, &fails} }
			w.fresh()
			return w, task.Delete, w.startAs(laterRun)
		},
		"an event": func(t *testing.T) (*world, task.Kind, []task.Task) {
			w := followed(t, 5)
			put(t, w.src, "k/00001", []byte("new"))
			w.faulty(6, fault.Temporary)
			tasks := w.notified("k/00001")
			w.clock.Advance(time.Minute)
			return w, task.Event, tasks
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, kind, tasks := begin(t)
			first, second := w.twice(kind, tasks...)
			if second != first-100*time.Millisecond {
				t.Errorf("the rest waits for %v, and by a second delivery 100 ms later for %v, want what is left of the same", first, second)
			}
		})
	}
}

// TestWhatAProcessCopiedThatDiedIsProvedByItsHash has the process die before it wrote the
// batch off, and a queue that does not count bring it again: the copies name their run.
// The target refuses to replace the first, and is asked about the others before.
func TestWhatAProcessCopiedThatDiedIsProvedByItsHash(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.Parallel = 1 })
	w.fill(5, 1)
	first := w.start()
	next, err := w.pipe.Do(t.Context(), first[0])
	if err != nil || next[0].Kind != task.Copy {
		t.Fatalf("%+v (%v), want a Copy", next, err)
	}
	once := with(next[0], func(t *task.Task) { t.Deliveries = 1 })
	if _, err := w.pipe.Do(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	lost := w.led.Keys()
	lost = slices.DeleteFunc(lost, func(key string) bool {
		return !strings.Contains(key, "/copied/") && !strings.Contains(key, "/sent/")
	})
	for _, key := range lost {
		if err := w.led.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if len(lost) == 0 {
		t.Fatal("the ledger has no record of the batch: the test proves too little")
	}
	w.fresh()
	w.drive(t.Context(), 0, append(next, first[1:]...)...)
	if rep := w.report(); rep.Result != report.Verified || rep.Objects.Copied != 5 || rep.Proofs[ledger.ByQetag].Objects != 5 || len(rep.Provers) > 0 {
		t.Errorf("%s, %+v, proved by %v of %v, want 5 copied and proved by their qetag", rep.Result, rep.Objects, rep.Proofs, rep.Provers)
	}
}
