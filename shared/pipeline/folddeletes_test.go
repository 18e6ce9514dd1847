package pipeline_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// abreast is a ledger that counts how many write-offs are read at a time.
type abreast struct {
	*mem.Bucket
	on        *atomic.Bool
	now, most atomic.Int64
}

func (a *abreast) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if a.on.Load() && strings.Contains(o.Key, "/copied/") {
		now := a.now.Add(1)
		for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
		}
		time.Sleep(time.Millisecond)
		defer a.now.Add(-1)
	}
	return a.Bucket.Open(ctx, o, off, n)
}

// What became of deletions is read side by side, and told whole.
func TestDeletionsAreFoldedSideBySide(t *testing.T) {
	w := newWorld(t, mirrored, func(j *job.Job) { j.MaxDeletes, j.Limits.BatchObjects, j.Limits.ShardKeys = 100, 1, 5 })
	w.fill(60, 4)
	if rep := w.run(); rep.Result != report.Verified {
		t.Fatal(rep.Result)
	}
	for _, key := range w.src.Keys()[:40] {
		if err := w.src.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	w.fresh()
	tasks, err := w.pipe.Start(t.Context(), w.job, laterRun)
	if err != nil {
		t.Fatal(err)
	}
	led := &abreast{Bucket: w.led, on: &atomic.Bool{}}
	w.withLedger(led)
	w.pipeline(func(tk task.Task) { led.on.Store(tk.Kind == task.Report) })
	w.drive(t.Context(), 0, tasks...)
	rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Mirror == nil || rep.Mirror.Deleted.Objects != 40 || rep.Result != report.Verified {
		t.Errorf("%s, mirror %+v, want 40 deleted", rep.Result, rep.Mirror)
	}
	if n := led.most.Load(); n < 4 {
		t.Errorf("%d write-offs were read at a time, want several", n)
	}
}
