package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// unreadable is a ledger of which some records cannot be read for a while.
type unreadable struct {
	*mem.Bucket
	refuses func(key string) bool
}

func (r *unreadable) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if r.refuses(o.Key) {
		return o, nil, fault.New(fault.Denied, "test", o.Key, errors.New("no right to read it now"))
	}
	return r.Bucket.Open(ctx, o, off, n)
}

// withLedger has the world's records read through b.
func (w *world) withLedger(b ledger.Bucket) {
	w.config.Ledger = ledger.Open(b, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
}

// A report, and a decision on deletions, that cannot be made for longer than a
// task's tries last waits, and is the true one in the end.
func TestAReportThatCannotBeFoldedWaitsAndIsTrue(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]task.Kind{"the report": task.Report, "the decision on deletions": task.Decide} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small, func(j *job.Job) { j.Delete, j.MaxDeletes = true, 100 })
			w.fill(60, 4)
			if rep := w.run(); rep.Result != report.Verified {
				t.Fatal(rep.Result)
			}
			if err := w.src.Delete(t.Context(), "k/00007"); err != nil {
				t.Fatal(err)
			}
			w.fresh()
			tasks, err := w.pipe.Start(t.Context(), w.job, laterRun)
			if err != nil {
				t.Fatal(err)
			}
			var until time.Time // the records cannot be read
			w.withLedger(&unreadable{Bucket: w.led, refuses: func(key string) bool {
				return strings.Contains(key, laterRun+"/verified/") && w.clock.Now().Before(until)
			}})
			w.pipeline(func(tk task.Task) {
				if tk.Kind == kind && until.IsZero() && w.there(laterRun, "verified/0") {
					until = w.clock.Now().Add(6 * time.Hour)
				}
			})
			w.drive(t.Context(), 0, tasks...)
			rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
			if err != nil {
				t.Fatal(err)
			}
			if rep.Result != report.Verified || rep.Objects.Listed != 59 || rep.Objects.Verified != 59 || rep.Mirror == nil || rep.Mirror.Deleted.Objects != 1 {
				t.Errorf("%s, %+v, mirror %+v, unknown %+v, want 59 verified and one deleted", rep.Result, rep.Objects, rep.Mirror, rep.Unknown)
			}
			if ended := rep.Finished; ended.Before(until) {
				t.Errorf("it ended %s, before its records could be read", ended)
			}
		})
	}
}

// A Report whose message is buried while the run goes on ends nothing.
func TestABuriedReportOfARunThatGoesOnIsNoReport(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 4)
	tasks := w.start()
	w.drive(t.Context(), 1, tasks...)
	body, err := task.Encode(task.Task{Kind: task.Report, Run: runName})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.worker.Bury(t.Context(), queue.Message{Body: body, Deliveries: 9}); err != nil {
		t.Fatal(err)
	}
	if over, err := w.config.Ledger.Run(runName).Over(t.Context()); err != nil || over {
		t.Fatalf("over %v, %v, want the run to go on", over, err)
	}
	open, err := w.pipe.Resume(t.Context(), runName)
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, open...)
	rep := w.report()
	wantTotals(t, rep, report.Totals{Listed: 60, Copied: 60, Verified: 60})
	// Once it is over, too, nothing of it changes.
	if err := w.worker.Bury(t.Context(), queue.Message{Body: body, Deliveries: 9}); err != nil {
		t.Fatal(err)
	}
	if again := w.report(); again.Result != report.Verified || !again.Finished.Equal(rep.Finished) {
		t.Errorf("%s of %s, want the report as it was", again.Result, again.Finished)
	}
}

// A record that cannot be read is a stretch of which nothing is known, by its
// name; all else is counted, and the run ends.
func TestADamagedRecordIsAStretchNotKnown(t *testing.T) {
	for name, tc := range map[string]struct {
		record string // of the first shard
		listed int64  // of 60
	}{
		"a verification": {"verified/0", 40},
		"a closing":      {"closed/0", 40},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.BatchObjects = 20, 10 })
			w.fill(60, 4)
			damaged := false
			damage := func() {
				damaged = true
				put(t, w.led, w.config.Ledger.Run(runName).Path(tc.record), []byte(`{"v":2,"shard":"0","cou`))
			}
			w.pipeline(func(tk task.Task) {
				switch {
				case damaged:
				case tc.record == "closed/0" && tk.Kind == task.Verify && tk.Shard == "0",
					tc.record == "verified/0" && tk.Kind == task.Report && w.there(runName, "verified/0"):
					damage()
				}
			})
			rep := w.run()
			if !damaged {
				t.Fatal("nothing was damaged")
			}
			if rep.Result != report.Incomplete || rep.Objects.Listed != tc.listed || rep.Objects.Verified != rep.Objects.Listed {
				t.Errorf("%s, %+v, want all but the shard counted", rep.Result, rep.Objects)
			}
			if len(rep.Unknown) != 1 || rep.Unknown[0].Shard != "0" || !strings.Contains(rep.Unknown[0].Reason, tc.record) {
				t.Errorf("unknown %+v, want shard 0, and the record's name", rep.Unknown)
			}
		})
	}
}

// there reports whether a run has that record.
func (w *world) there(run, name string) bool {
	_, err := w.led.Stat(w.t.Context(), w.config.Ledger.Run(run).Path(name))
	return err == nil
}
