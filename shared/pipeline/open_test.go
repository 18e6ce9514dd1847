package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
)

func TestATaskWhoseRunCannotBeOpenedIsNotDone(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Temporary, fault.Unknown, fault.Throttled, fault.Denied, fault.Later, fault.Invalid} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			put(t, w.src, "a", []byte("a"))
			first, err := w.pipe.Start(t.Context(), w.job, runName)
			if err != nil {
				t.Fatal(err)
			}
			closed := fault.New(kind, "test.Open", "", errors.New("neither side is opened"))
			w.config.Open = func(context.Context, job.Job) (store.Source, pipeline.Target, error) { return nil, nil, closed }
			p := pipeline.New(w.config)
			for _, task := range first {
				if next, err := p.Do(t.Context(), task); fault.KindOf(err) != kind {
					t.Errorf("Do of a %s task yields %d tasks and %v, want %s: its message must come again", task.Kind, len(next), err, kind)
				}
			}
		})
	}
}
