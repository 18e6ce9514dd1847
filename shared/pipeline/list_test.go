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
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// slow is a source whose pages of ten keys take their time, and slowTarget a
// target of that kind.
type slow struct {
	store.Source
	page func(first string) time.Duration
}

type slowTarget struct {
	pipeline.Target
	page func(first string) time.Duration
}

func (s slow) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return slowly(ctx, s.Source, r, s.page)
}

func (s slowTarget) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return slowly(ctx, s.Target, r, s.page)
}

func slowly(ctx context.Context, from store.Source, r store.Range, page func(first string) time.Duration) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		n := 0
		for o, err := range from.List(context.WithoutCancel(ctx), r) {
			if n++; err == nil && n%10 == 1 {
				select {
				case <-time.After(page(o.Key)):
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

// TestAShardIsListedAndVerifiedInTime has every task done in an invocation of five minutes.
func TestAShardIsListedAndVerifiedInTime(t *testing.T) {
	const keys = 2000
	for name, page := range map[string]func(first string, begun time.Duration) time.Duration{
		"where pages and probes are slow": func(string, time.Duration) time.Duration { return 4 * time.Second },
		"where a page does not come": func(first string, begun time.Duration) time.Duration {
			if begun < 9*time.Minute && first >= "k/01000" {
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
				pages := func(first string) time.Duration { return page(first, time.Since(began)) }
				w.source = func(s store.Source) store.Source { return slow{s, pages} }
				w.target = func(d pipeline.Target) pipeline.Target { return slowTarget{d, pages} }
				w.fresh()
				w.config.Now = time.Now
				w.pipe = pipeline.New(w.config)
				failed := map[task.Kind]int{}
				for open := w.start(); len(open) > 0; {
					next := open[0]
					open = open[1:]
					if next.Kind == task.Report {
						continue
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					follow, err := w.pipe.Do(ctx, next)
					cancel()
					if err != nil { // a message that is delivered again
						failed[next.Kind]++
						follow = []task.Task{next}
					}
					if open = append(open, follow...); failed[next.Kind] > 3 {
						t.Fatalf("%s tasks do not end in time: %v", next.Kind, err)
					}
				}
				covered(t, w)
				walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
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
