package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// pages counts what the pages take that all listings hold: each the one that it is in, and one
// that is read ahead. A page comes after a second.
type pages struct {
	mu         sync.Mutex
	held, most int64
}

// list lists two pages of a shard: of keys of size bytes that begin with in.Prefix.
func (p *pages) list(in store.Range, size int) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		page := int64(2 * store.KeysPerPage * (size + 224))
		if in.Few > 0 { // who looks for a place to cut at
			page = 0
		}
		p.add(page)
		defer p.add(-page)
		tail := strings.Repeat("k", size-len(in.Prefix)-5)
		for n := range 2 * store.KeysPerPage {
			if n%store.KeysPerPage == 0 {
				time.Sleep(time.Second)
			}
			key := fmt.Sprintf("%s%05d%s", in.Prefix, n, tail)
			if in.UpTo != "" && key > in.UpTo {
				return
			}
			if key > in.After && !yield(store.Object{Key: key, Hash: "h", Size: 1}, nil) {
				return
			}
		}
	}
}

func (p *pages) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held += n
	p.most = max(p.most, p.held)
}

type heldSource struct {
	store.Source
	pages *pages
	size  int
}

func (s heldSource) List(_ context.Context, in store.Range) iter.Seq2[store.Object, error] {
	return s.pages.list(in, s.size)
}

type heldTarget struct {
	pipeline.Target
	pages *pages
	size  int
}

func (s heldTarget) List(_ context.Context, in store.Range) iter.Seq2[store.Object, error] {
	return s.pages.list(in, s.size)
}

// TestShardsListedSideBySideHoldNoMoreThanThereIsMemoryFor lists 48 shards at a time, as a
// process of one run does, behind a first one.
func TestShardsListedSideBySideHoldNoMoreThanThereIsMemoryFor(t *testing.T) {
	const most = 96 << 20
	shards := 48
	if raced { // the detector makes it ten times as long; for 16 there is not memory enough, too
		shards = 16
	}
	for name, size := range map[string]struct{ src, dst int }{
		"long keys of both": {750, 750}, "of the source alone": {1000, 50}, "of the target alone": {50, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, p := newWorld(t), &pages{}
				w.start()
				w.source = func(s store.Source) store.Source { return heldSource{s, p, size.src} }
				w.target = func(d pipeline.Target) pipeline.Target { return heldTarget{d, p, size.dst} }
				w.fresh()
				list := func(n int) {
					shard := fmt.Sprintf("s%02d", n)
					next, err := w.pipe.Do(t.Context(), task.Task{Kind: task.List, Run: runName, Shard: shard, Range: store.Range{Prefix: shard + "/"}})
					if err != nil {
						t.Error(err)
						return
					}
					for n := 0; len(next) > 0 && n < 100; n++ { // what it left for want of memory
						t := next[0]
						if next = next[1:]; t.Kind == task.List {
							more, _ := w.pipe.Do(context.Background(), t)
							next = append(next, more...)
						}
					}
				}
				list(0)
				var all sync.WaitGroup
				for n := range shards {
					all.Go(func() { list(n + 1) })
				}
				all.Wait()
				if p.most > most {
					t.Errorf("they hold pages of %d MiB, want %d at most", p.most>>20, most>>20)
				}
				walked, tasks := int64(0), 0
				var add func(shard string)
				add = func(shard string) {
					tasks++
					c, err := w.config.Ledger.Run(runName).Shards().ReadListed(t.Context(), shard)
					if err != nil {
						t.Fatal(err)
					}
					walked += c.Counts.Listed.Objects
					for _, child := range c.Children {
						add(child.Shard)
					}
				}
				for n := range shards {
					add(fmt.Sprintf("s%02d", n))
				}
				if tasks > 3*shards {
					t.Errorf("they are listed in %d pieces", tasks)
				}
				if want := int64(shards) * 2 * store.KeysPerPage; walked != want {
					t.Errorf("%d objects are listed, want %d", walked, want)
				}
			})
		})
	}
}
