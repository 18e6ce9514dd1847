package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// copiesAll has a process copy the objects of w, each of which takes a second, and returns how many
// were in flight at a time, and how long all took.
func copiesAll(t *testing.T, w *world, known int) (most int, took time.Duration) {
	t.Helper()
	in := &inFlight{now: map[string]int{}, most: map[string]int{}}
	inner := w.config.Open
	w.config.Open = func(ctx context.Context, j job.Job) (store.Source, pipeline.Target, error) {
		src, dst, err := inner(ctx, j)
		return aSecondEach{src, in, j.Name}, dst, err
	}
	w.pipe = pipeline.New(w.config)
	run := w.job.Name + "/20260101T000000Z"
	tasks, err := w.pipe.Start(t.Context(), w.job, run)
	if err != nil {
		t.Fatal(err)
	}
	folder := w.config.Ledger.Run(run).Folder()
	if known > 0 { // what another process left
		if err := live.CreatePace(t.Context(), folder, live.Pace{Each: time.Second, InFlight: known}, w.clock.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	next, err := w.pipe.Do(t.Context(), tasks[0])
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, n := range next {
		if n.Kind == task.Copy {
			if _, err := w.pipe.Do(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	took = time.Since(began)
	return in.most[""], took
}

// TestAProcessBeginsWithWhatAnotherFound, and leaves what it finds itself.
func TestAProcessBeginsWithWhatAnotherFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(1000, 1)
		w.config.Most = 128
		alone, _ := copiesAll(t, w, 0)
		second := newWorld(t)
		second.fill(1000, 1)
		second.config.Most = 128
		after, _ := copiesAll(t, second, 120)
		if alone != 128 || after < 120 {
			t.Errorf("%d in flight where nobody knows, %d after another has found 120", alone, after)
		}
		var took [2]time.Duration
		for i, known := range []int{0, 120} { // few objects, so that how it begins is most of it
			few := newWorld(t)
			few.fill(120, 1)
			few.config.Most = 128
			_, took[i] = copiesAll(t, few, known)
		}
		if slow, quick := took[0], took[1]; 2*quick > slow {
			t.Errorf("120 objects take %s where nobody knows, %s after another has found 120", slow, quick)
		}
		for _, w := range []*world{w, second} {
			p, err := live.ReadPace(t.Context(), w.config.Ledger.Run(w.job.Name+"/20260101T000000Z").Folder())
			if err != nil || p.InFlight < 100 || p.Each == 0 {
				t.Errorf("it leaves %+v, %v", p, err)
			}
		}
	})
}

// TestNoMoreAreInFlightThanTheProcessHasRoomFor, whether the job says a number or not.
func TestNoMoreAreInFlightThanTheProcessHasRoomFor(t *testing.T) {
	for _, parallel := range []int{job.AutoParallel, 64, 7} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.Limits.Parallel = parallel })
			w.fill(200, 1)
			w.config.Most = 9
			w.config.Bodies = 64 << 20
			if most, _ := copiesAll(t, w, 500); most != w.job.Limits.AtOnce(9) {
				t.Errorf("%d in flight of a job that says %d, where 9 have room", most, parallel)
			}
		})
	}
}

// TestBodiesWaitForMemory: two have room.
func TestBodiesWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(60, 1)
		w.config.Bodies = 16 << 10
		if most, took := copiesAll(t, w, 0); most != 2 || took < 30*time.Second {
			t.Errorf("%d in flight, and %s", most, took)
		}
	})
}
