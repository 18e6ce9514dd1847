package pipeline_test

import (
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// However long a run's last stages have waited, and however lately they began
// to wait once more, it ends minutes after its last copy.
func TestARunEndsSoonAfterItsLastCopy(t *testing.T) {
	for name, tc := range map[string]struct {
		waited int           // how often they have waited
		most   time.Duration // from the last copy to the report
		set    func(*job.Job)
	}{
		"a short run":                {1, time.Minute, func(*job.Job) {}},
		"a long run":                 {12, 5 * time.Minute, func(*job.Job) {}},
		"a long run, told to mirror": {12, 6 * time.Minute, func(j *job.Job) { j.Delete, j.MaxDeletes = true, 10 }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.BatchObjects = 25, 5 }, tc.set)
			w.fill(60, 4)
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
				do(c)
			}
			last := w.clock.Now()
			w.drive(t.Context(), 0, waiting...)
			rep := w.report()
			wantTotals(t, rep, report.Totals{Listed: 60, Copied: 60, Verified: 60})
			stop := rep.Finished.Sub(last)
			t.Logf("the report came %s after the last copy, of %s", stop, last.Sub(rep.Started))
			if stop > tc.most {
				t.Errorf("the report came %s after the last copy, want at most %s", stop, tc.most)
			}
		})
	}
}
