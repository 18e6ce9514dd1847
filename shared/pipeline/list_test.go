package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// slow is a source whose pages of ten keys take their time.
type slow struct {
	store.Source
	page func(first string) time.Duration
}

func (s slow) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		n := 0
		for o, err := range s.Source.List(context.WithoutCancel(ctx), r) {
			if n++; err == nil && n%10 == 1 {
				select {
				case <-time.After(s.page(o.Key)):
				case <-ctx.Done():
					yield(store.Object{}, fault.New(fault.Temporary, "list", o.Key, ctx.Err()))
					return
				}
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// TestAListingClosesItsShardInTime does List tasks alone, in invocations of five minutes.
func TestAListingClosesItsShardInTime(t *testing.T) {
	const keys = 2000
	for name, page := range map[string]func(first string, begun time.Duration) time.Duration{
		"where a probe takes longer than what is left": func(string, time.Duration) time.Duration { return 4 * time.Second },
		"where a page does not come": func(first string, begun time.Duration) time.Duration {
			if begun < 40*time.Minute && first >= "k/01000" {
				return time.Hour
			}
			return time.Second
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := newWorld(t)
				for i := range keys {
					put(t, w.src, fmt.Sprintf("k/%05d", i), nil)
				}
				w.source = func(s store.Source) store.Source {
					return slow{s, func(first string) time.Duration { return page(first, time.Since(began)) }}
				}
				w.fresh()
				w.config.Now = time.Now
				w.pipe = pipeline.New(w.config)
				open := w.start()
				for n := 0; len(open) > 0; n++ {
					if n > 60 {
						t.Fatal("the listing does not end")
					}
					next := open[0]
					open = open[1:]
					if next.Kind != task.List {
						continue
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					follow, err := w.pipe.Do(ctx, next)
					cancel()
					if err != nil { // a message that is delivered again
						open = append(open, next)
					}
					open = append(open, follow...)
				}
				covered(t, w)
				walk, err := w.config.Ledger.Run(runName).Walk(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n := walk.Shards[0].Closed.Counts.Listed.Objects; walk.Shards[0].Ref.Shard != ledger.RootShard || n == 0 || n == keys {
					t.Errorf("the first shard has %d keys, want what it could list in time", n)
				}
			})
		})
	}
}
