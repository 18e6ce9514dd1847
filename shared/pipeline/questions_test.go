package pipeline_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"

	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
)

// listedTarget tells whether it is versioned once the source is being listed.
type listedTarget struct {
	pipeline.Target
	listed <-chan struct{}
}

func (t listedTarget) Versioned(ctx context.Context) (bool, error) {
	<-t.listed
	return t.Target.Versioned(ctx)
}

// tellingSource tells when it is listed.
type tellingSource struct {
	store.Source
	listed chan<- struct{}
}

func (s tellingSource) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	select {
	case s.listed <- struct{}{}:
	default:
	}
	return s.Source.List(ctx, r)
}

func TestWhatARunBeginsWithIsAskedSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		listed := make(chan struct{}, 1)
		w.source = func(s store.Source) store.Source { return tellingSource{s, listed} }
		w.target = func(d pipeline.Target) pipeline.Target { return listedTarget{d, listed} }
		if tasks := w.start(); len(tasks) == 0 {
			t.Error("the run has no tasks")
		}
	})
}
