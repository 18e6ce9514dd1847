package pipeline_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// refusing is a ledger's bucket that takes nothing whose key holds word.
type refusing struct {
	*mem.Bucket
	word string
}

func (r refusing) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if strings.Contains(o.Key, r.word) {
		return store.Stored{}, fault.New(fault.Invalid, "oss.Put", o.Key, errors.New("no"))
	}
	return r.Bucket.Put(ctx, o, body, how)
}

func TestAListingEndsWhereASegmentCannotBeWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		kind task.Kind
		word string
	}{
		"of a shard": {task.List, "/listed/"},
		"of its verification, which finds all else anew": {task.Verify, "/again/"},
	} {
		t.Run(name, func(t *testing.T) {
			const keys = 400
			w := newWorld(t, func(j *job.Job) { j.Limits.BatchObjects = 10 })
			w.fill(keys, 1)
			var listed atomic.Int64
			w.source = func(src store.Source) store.Source {
				return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
					return func(yield func(store.Object, error) bool) {
						for o, err := range src.List(ctx, r) {
							if listed.Add(1); !yield(o, err) {
								return
							}
						}
					}
				}}
			}
			w.fresh()
			w.config.Ledger = ledger.Open(refusing{w.led, tc.word}, w.job.Ledger.Prefix)
			w.pipe = pipeline.New(w.config)
			tasks := w.start()
			for ; tasks[0].Kind != tc.kind; tasks = tasks[1:] {
				next, err := w.pipe.Do(t.Context(), tasks[0])
				if err != nil {
					t.Fatal(err)
				}
				tasks = append(tasks, next...)
			}
			for _, key := range w.src.Keys() { // nothing is as it was listed
				w.src.Alter(key, func(o *store.Object) { o.Hash = "FkXAIGDnCbH5M2CwKqkYyfLzMLXo" })
			}
			listed.Store(0)
			if _, err := w.pipe.Do(t.Context(), tasks[0]); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%v, want the fault of the segment", err)
			}
			if n := listed.Load(); n > keys/4 {
				t.Errorf("%d of %d keys were listed, though the first segment could not be written", n, keys)
			}
		})
	}
}
