package pipeline_test

import (
	"bytes"
	"context"
	"errors"
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

// untold is a target whose first completion of an upload is not answered.
type untold struct {
	pipeline.Target
	told *bool
}

func (m untold) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	stored, err := m.Target.Finish(ctx, key, upload, parts, how)
	if err == nil && !*m.told {
		*m.told = true
		return store.Stored{}, fault.New(fault.Temporary, "untold", key, errors.New("it was not answered"))
	}
	return stored, err
}

// TestAnUploadThatRestsForDaysMakesTheJobsObject has a run pause amid an upload, for longer
// than an upload takes, and end it then: the object is the job's, to the run itself and to
// what comes upon it later.
func TestAnUploadThatRestsForDaysMakesTheJobsObject(t *testing.T) {
	const size = 4<<20 + 1
	for rest, days := range map[string]time.Duration{"a day": 1, "ten days": 10} {
		for answer, lost := range map[string]bool{"is answered": false, "is not answered": true} {
			for then, do := range map[string]func(w *world){
				"another version": func(w *world) {
					w.another(size, "b")
					if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
						w.t.Errorf("%s, %+v, %+v, want the other version copied", rep.Result, rep.Objects, rep.Failures)
					}
					w.same()
				},
				"an event of another version": func(w *world) {
					w.keep()
					w.another(size, "b")
					w.drive(w.t.Context(), 0, w.notified(rewritten)...)
					w.same()
				},
				"a mirror": func(w *world) {
					remove(w.t, w, rewritten)
					if _, rep := w.again(); rep.Mirror == nil || rep.Mirror.Deleted.Objects != 1 {
						w.t.Errorf("%+v, want it deleted", rep.Mirror)
					}
				},
				"another version, and the run cancelled before it ends": nil,
			} {
				t.Run(rest+", "+answer+", "+then, func(t *testing.T) {
					w := shared(t, mirrored, following, func(j *job.Job) { j.Limits.PartsAbove, j.Limits.PartSize = 4<<20, 4<<20 })
					put(t, w.src, "first", []byte("tells the target's time"))
					put(t, w.src, rewritten, bytes.Repeat([]byte("a"), size))
					told := !lost
					w.target = func(d pipeline.Target) pipeline.Target { return untold{d, &told} }
					w.before = first(task.Part, func() { w.steer(ledger.Paused) })
					w.drive(t.Context(), 0, w.start()...)
					if len(w.dst.Uploads()) != 1 || len(w.dst.Keys()) != 1 {
						t.Fatalf("%d uploads are open beside %q: the test proves too little", len(w.dst.Uploads()), w.dst.Keys())
					}
					w.clock.Advance(days * 24 * time.Hour)
					w.before = nil
					if do == nil {
						w.before = first(task.Verify, func() { w.steer(ledger.Cancelled) })
					}
					w.steer(ledger.Going)
					open, err := w.pipe.Resume(t.Context(), runName)
					if err != nil {
						t.Fatal(err)
					}
					w.drive(t.Context(), 0, open...)
					w.before = nil
					if do == nil {
						w.another(size, "b")
						if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
							t.Errorf("%s, %+v, %+v, want the other version copied", rep.Result, rep.Objects, rep.Failures)
						}
						return
					}
					if rep := w.report(); rep.Result != report.Verified || rep.Objects.Copied != 2 {
						t.Fatalf("%s, %+v, %+v, want both verified", rep.Result, rep.Objects, rep.Failures)
					}
					if len(w.dst.Uploads()) > 0 {
						t.Errorf("%d uploads are open", len(w.dst.Uploads()))
					}
					do(w)
				})
			}
		}
	}
}
