package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// markers are what a source may do whose start key does not exist.
var markers = map[string]func(src store.Source, ctx context.Context, r store.Range) iter.Seq2[store.Object, error]{
	"lists nothing": func(store.Source, context.Context, store.Range) iter.Seq2[store.Object, error] {
		return func(func(store.Object, error) bool) {}
	},
	"lists from the beginning": func(src store.Source, ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
		return src.List(ctx, store.Range{Prefix: r.Prefix, UpTo: r.UpTo})
	},
	"refuses": func(store.Source, context.Context, store.Range) iter.Seq2[store.Object, error] {
		return func(yield func(store.Object, error) bool) {
			yield(store.Object{}, fault.New(fault.Invalid, "kodo.List", "", fmt.Errorf("640 invalid marker")))
		}
	},
}

func TestAChainGoesOnNearAStartKeyThatIsGone(t *testing.T) {
	const keys = 1200
	for name, missing := range markers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small, func(j *job.Job) { j.Limits.ShardKeys = 300 })
			w.fill(keys, 10)
			var listed atomic.Int64
			w.source = func(src store.Source) store.Source {
				return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
					all := src.List(ctx, r)
					if r.After != "" {
						if _, err := src.Stat(ctx, r.After); err != nil {
							all = missing(src, ctx, r)
						}
					}
					return func(yield func(store.Object, error) bool) {
						for o, err := range all {
							if listed.Add(1); !yield(o, err) {
								return
							}
						}
					}
				}}
			}
			w.fresh()
			removed := 0
			w.pipeline(func(tk task.Task) {
				if tk.Kind == task.List && tk.Range.After != "" && tk.Range.UpTo == "" && removed < 1 {
					removed++
					_ = w.src.Delete(t.Context(), tk.Range.After)
				}
			})
			wantTotals(t, w.run(), report.Totals{Listed: keys, Copied: keys - 1, Gone: 1, Verified: keys - 1})
			// Each key once by the listing and once by the verification, some to find
			// stretches, and twice what lies between the key that is gone and the border before it.
			if n := listed.Load(); n > 2*keys+1300 {
				t.Errorf("%d keys were listed for %d: the listings began far ahead of where they went on", n, keys)
			}
		})
	}
}

// vanishing is a source that pages, and whose key at the end of a page is removed
// before the next page is asked for; then it lists nothing more.
func TestAChainDoesNotEndWhereAPagesLastKeyIsRemoved(t *testing.T) {
	const keys, page = 300, 100
	w := newWorld(t, small, func(j *job.Job) { j.Limits.ShardKeys = 10_000 })
	w.fill(keys, 10)
	var cut atomic.Bool
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			if r.After != "" {
				if _, err := src.Stat(ctx, r.After); err != nil {
					return func(func(store.Object, error) bool) {}
				}
			}
			return func(yield func(store.Object, error) bool) {
				n := 0
				for o, err := range src.List(ctx, r) {
					if n++; !yield(o, err) {
						return
					}
					if n == page && cut.CompareAndSwap(true, false) {
						_ = w.src.Delete(ctx, o.Key)
						return
					}
				}
			}
		}}
	}
	w.fresh()
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.List {
			cut.Store(true)
		}
	})
	wantTotals(t, w.run(), report.Totals{Listed: keys, Copied: keys - 1, Gone: 1, Verified: keys - 1})
}
