package pipeline_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// distant is a target whose every HEAD takes a while.
type distant struct {
	pipeline.Target
	trip time.Duration

	mu         sync.Mutex
	under, all int
	most       int
}

func (d *distant) Stat(ctx context.Context, key string) (store.Object, error) {
	d.mu.Lock()
	d.under, d.all = d.under+1, d.all+1
	d.most = max(d.most, d.under)
	d.mu.Unlock()
	time.Sleep(d.trip)
	d.mu.Lock()
	d.under--
	d.mu.Unlock()
	return d.Target.Stat(ctx, key)
}

func TestTheTargetIsAskedForManyKeysAtATimeWhileTheyAreListed(t *testing.T) {
	const n, lookups, trip = 640, 16, 30 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(j *job.Job) { j.Limits.BatchObjects = 100 })
		w.fill(n, 1)
		w.run()
		w.led = mem.New(mem.OSS) // without a row of the first run, the metadata tell that it is unchanged
		far := &distant{trip: trip}
		w.target = func(d pipeline.Target) pipeline.Target { far.Target = d; return far }
		w.fresh()
		var next []task.Task
		tasks := w.startAs(laterRun)
		began := time.Now()
		next, err := w.pipe.Do(t.Context(), tasks[0])
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		if far.all != n || far.most > lookups {
			t.Errorf("%d HEADs, up to %d at a time, want %d, at most %d", far.all, far.most, n, lookups)
		}
		if most := n / lookups * trip * 5 / 4; took > most {
			t.Errorf("the listing took %v, want at most %v: %d HEADs by %d", took, most, n, lookups)
		}
		for _, tk := range next {
			if tk.Kind == task.Copy {
				t.Errorf("a batch of %d objects is copied again, want none", tk.Count)
			}
		}
	})
}
