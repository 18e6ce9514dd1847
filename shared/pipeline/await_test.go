package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// However long a run's last stages have waited, and however lately they began to wait
// once more, what they wait for wakes them; where that message is lost, they look
// themselves within minutes.
func TestARunEndsSoonAfterItsLastCopy(t *testing.T) {
	mirrors := func(j *job.Job) { j.Delete, j.MaxDeletes = true, 10 }
	for name, tc := range map[string]struct {
		waited int           // how often they have waited
		most   time.Duration // from the last copy to the report
		lost   bool          // what wakes them
		set    func(*job.Job)
	}{
		"a short run":                         {1, 3 * time.Second, false, func(*job.Job) {}},
		"a long run":                          {12, 3 * time.Second, false, func(*job.Job) {}},
		"a long run, told to mirror":          {12, 3 * time.Second, false, mirrors},
		"a short run that nothing wakes":      {1, time.Minute, true, func(*job.Job) {}},
		"a long run that nothing wakes":       {12, 5 * time.Minute, true, func(*job.Job) {}},
		"a long mirror that nothing wakes":    {12, 6 * time.Minute, true, mirrors},
		"a short mirror, with what to remove": {1, 3 * time.Second, false, mirrors},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.BatchObjects = 25, 5 }, tc.set)
			w.fill(60, 4)
			want := report.Totals{Listed: 60, Copied: 60, Verified: 60}
			if strings.Contains(name, "remove") {
				want.Deleted = 3
				for i := range want.Deleted {
					o := store.Object{Key: fmt.Sprintf("k/%05d~", 20*i), Origin: copiedBy(w.job.Name, fmt.Sprintf("k/%05d~", 20*i))}
					if _, err := w.dst.Put(t.Context(), o, nil, store.Put{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.config.Shared, w.config.Pause, w.config.MaxWait = true, 30*time.Second, 15*time.Minute
			w.pipe = pipeline.New(w.config)
			do := func(tk task.Task) []task.Task {
				next, err := w.pipe.Do(t.Context(), tk)
				if err != nil {
					t.Fatal(err)
				}
				return next
			}
			var copies, waiting []task.Task
			for todo := w.start(); len(todo) > 0; todo = todo[1:] {
				switch todo[0].Kind {
				case task.List:
					todo = append(todo, do(todo[0])...)
				case task.Copy:
					copies = append(copies, todo[0])
				default:
					waiting = append(waiting, todo[0])
				}
			}
			for range tc.waited {
				for i := range waiting {
					next := do(waiting[i])
					if len(next) != 1 || next[0].Kind != waiting[i].Kind {
						t.Fatalf("%s yields %+v while nothing is copied, want itself", waiting[i].Kind, next)
					}
					waiting[i] = next[0]
				}
				w.clock.Advance(20 * time.Minute)
			}
			for _, c := range copies {
				if next := do(c); !tc.lost {
					waiting = append(waiting, next...)
				}
			}
			w.lose = func(tk task.Task) bool { return tc.lost && tk.Resend != 0 && tk.Waits == 0 && tk.Shard == "" }
			last := w.clock.Now()
			w.drive(t.Context(), 0, waiting...)
			rep := w.report()
			wantTotals(t, rep, want)
			stop := rep.Finished.Sub(last)
			t.Logf("the report came %s after the last copy, of %s", stop, last.Sub(rep.Started))
			if stop > tc.most {
				t.Errorf("the report came %s after the last copy, want at most %s", stop, tc.most)
			}
		})
	}
}

// A run that finds nothing to copy has nothing to wait for.
func TestARunWithoutAChangeEndsWithItsListing(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 25 })
	w.fill(60, 4)
	w.run()
	w.clock.Advance(time.Hour)
	w.config.Shared, w.config.Pause, w.config.MaxWait = true, 30*time.Second, 15*time.Minute
	w.pipe = pipeline.New(w.config)
	const delta = "j/20260101T010000Z"
	var listed time.Time
	w.before = func(tk task.Task) {
		if tk.Kind == task.List {
			listed = w.clock.Now()
		}
	}
	first, err := w.pipe.Start(t.Context(), w.job, delta)
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, first...)
	rep, err := report.Read(t.Context(), w.config.Ledger.Run(delta))
	if err != nil {
		t.Fatal(err)
	}
	wantTotals(t, rep, report.Totals{Listed: 60, Unchanged: 60, Verified: 60})
	if stop := rep.Finished.Sub(listed); stop > 2*time.Second {
		t.Errorf("the report came %s after the last listing, want at most 2 s", stop)
	}
}
