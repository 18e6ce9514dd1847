package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// keySets are the shapes that keys have in the field.
func keySets(n int, r *rand.Rand) map[string][]string {
	sets := map[string][]string{}
	add := func(name, format string, args ...any) { sets[name] = append(sets[name], fmt.Sprintf(format, args...)) }
	for i := range n {
		add("uniform hex", "%016x", r.Uint64())
		add("a common prefix of 200 bytes", "%s%08d", strings.Repeat("深/ab", 25)+strings.Repeat("x", 50), r.IntN(1e8))
		if r.IntN(100) == 0 {
			add("one prefix with 99 % of the keys", "%c/%d", 'a'+r.IntN(26), r.IntN(1e6))
		} else {
			add("one prefix with 99 % of the keys", "logs/app/%012d", r.IntN(1e9))
		}
		add("dates", "%d/%02d/%02d/IMG_%04d.jpg", 2015+r.IntN(10), 1+r.IntN(12), 1+r.IntN(28), r.IntN(1e4))
		add("several scripts", "%s/%d", []string{"照片", "фото", "φωτο", "写真", "تصاویر", "𝔘𝔫𝔦", "photo", "😀"}[r.IntN(8)], r.IntN(1e7))
		add("counted up", "%d", i)
		add("one character", "%s", strings.Repeat("z", i%700+1))
	}
	for range 3 {
		add("three keys", "%x", r.Uint64())
	}
	sets["none"] = nil
	return sets
}

func TestEveryKeyIsCoveredOnceHoweverTheListingIsSplit(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 1))
	sets := keySets(3000, r)
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		for _, chain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chain %v", name, chain), func(t *testing.T) {
				t.Logf("seed %d", seed)
				shard, fanout := int64(1+r.IntN(400)), 1+r.IntN(8)
				w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.Fanout = shard, fanout })
				putKeys(t, w.src, sets[name]...)
				if chain {
					w.source = func(s store.Source) store.Source { return existing{s, w.src} }
				}
				listAll(t, w, r, 3)
				covered(t, w)
			})
		}
	}
}

// existing is a source that lists only from keys that exist.
type existing struct {
	store.Source
	bucket *mem.Bucket
}

func (e existing) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	if r.After != "" {
		if _, err := e.bucket.Stat(ctx, r.After); err != nil {
			r.After = string([]rune{0x10FFFF}) // and then finds nothing
		}
	}
	return e.Source.List(ctx, r)
}

// listAll does the List tasks of a run in any order, each up to most times, one
// after the other or by two processes at the same time.
func listAll(t *testing.T, w *world, r *rand.Rand, most int) {
	t.Helper()
	listFrom(t, w, w.start(), r, most)
}

// listFrom is listAll from the first tasks of a run on.
func listFrom(t *testing.T, w *world, open []task.Task, r *rand.Rand, most int) {
	t.Helper()
	other, done := pipeline.New(w.config), map[string]bool{}
	for len(open) > 0 {
		i := r.IntN(len(open))
		next := open[i]
		open = slices.Delete(open, i, i+1)
		if next.Kind != task.List || done[next.Shard] {
			continue
		}
		done[next.Shard] = true
		var mu sync.Mutex
		var all sync.WaitGroup
		do := func(p *pipeline.Pipeline) {
			next := next
			follow, err := p.Do(t.Context(), next)
			for n := 2; fault.KindOf(err) == fault.Later && n < 5; n++ { // another delivery of it has sealed something
				next.Deliveries = n
				follow, err = p.Do(t.Context(), next)
			}
			if err != nil {
				t.Errorf("list %+v: %v", next, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			open = append(open, follow...) // what each of them named
		}
		for n := range 1 + r.IntN(most) {
			if p := []*pipeline.Pipeline{w.pipe, other}[n%2]; r.IntN(2) == 0 {
				do(p)
			} else {
				all.Go(func() { do(p) })
			}
		}
		all.Wait()
	}
}

// covered fails unless the rows of all shards are the source's keys, each once.
func covered(t *testing.T, w *world) {
	t.Helper()
	coveredBy(t, w, w.src.Keys())
}

// coveredBy fails unless the rows of all shards are of these keys, each once.
func coveredBy(t *testing.T, w *world, want []string) {
	t.Helper()
	run := w.config.Ledger.Run(runName)
	walk, err := progress.Walk(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range walk.Shards {
		if s.Closed == nil {
			t.Fatalf("shard %q is not closed", s.Ref.Shard)
		}
		for _, b := range s.Closed.Batches {
			rows, _, err := run.Batches().Settled(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				got = append(got, row.Key())
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want one for each of %d keys", len(got), len(want))
	}
}

// counted counts the listings of a source.
type counted struct {
	store.Source
	lists *atomic.Int64
}

func (c counted) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	c.lists.Add(1)
	return c.Source.List(ctx, r)
}

func TestAListingFansOut(t *testing.T) {
	t.Parallel()
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 1))
	for name, keys := range keySets(20_000, r) {
		if len(keys) < 1000 || name == "one character" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 500 })
			putKeys(t, w.src, keys...)
			var lists atomic.Int64
			w.source = func(s store.Source) store.Source { return counted{s, &lists} }
			listAll(t, w, r, 1)
			covered(t, w)
			walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
			if err != nil {
				t.Fatal(err)
			}
			depth, widest, splits := layers(walk)
			t.Logf("%d keys in %d shards, %d layers, widest %d, %d splits, %d listings", len(w.src.Keys()), len(walk.Shards), depth, widest, splits, lists.Load())
			if widest < 8 {
				t.Errorf("the widest layer has %d shards, want 8 at least: the listing goes on in one chain", widest)
			}
		})
	}
}

// layers counts how deep a listing went, how many shards its widest layer had,
// and how many shards left more than one child.
func layers(p progress.Run) (depth, widest, splits int) {
	children := map[string][]ledger.ShardRef{}
	for _, s := range p.Shards {
		children[s.Ref.Shard] = s.Closed.Children
		if len(s.Closed.Children) > 1 {
			splits++
		}
	}
	for layer := []string{ledger.RootShard}; len(layer) > 0; depth++ {
		widest = max(widest, len(layer))
		var next []string
		for _, s := range layer {
			for _, c := range children[s] {
				next = append(next, c.Shard)
			}
		}
		layer = next
	}
	return depth, widest, splits
}

func TestConsecutiveCopyMessagesComeFromDistantShards(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.Limits.BatchObjects = 400, 10 })
	keys := make([]string, 6000)
	for i := range keys {
		keys[i] = fmt.Sprintf("%016x", r.Uint64())
	}
	putKeys(t, w.src, keys...)
	w.config.Shared = true
	w.pipe = pipeline.New(w.config)
	var shards []string
	w.before = func(t task.Task) {
		if t.Kind == task.Copy {
			shards = append(shards, t.Shard)
		}
	}
	w.run()
	neighbours := 0
	for i := range shards[1:] {
		if shards[i] == shards[i+1] {
			neighbours++
		}
	}
	t.Logf("seed %d: %d messages, %d of them follow one of the same shard", seed, len(shards), neighbours)
	if len(shards) < 500 || neighbours > len(shards)/4 {
		t.Errorf("%d of %d messages follow one of the same shard, want at most a quarter", neighbours, len(shards))
	}
}

func TestALongStretchThatOnlyTheTargetHasIsMirroredAndSplit(t *testing.T) {
	const seed = 11
	for _, chain := range []bool{false, true} {
		t.Run(fmt.Sprintf("chain %v", chain), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, mirrored, func(j *job.Job) { j.Limits.ShardKeys, j.MaxDeletes = 300, 10_000 })
			for i := range 3000 { // Ferry's copies of what the source no longer has
				o := store.Object{Key: fmt.Sprintf("b/%06d", i), Origin: copiedBy(w.job.Name, fmt.Sprintf("b/%06d", i))}
				if _, err := w.dst.Put(t.Context(), o, nil, store.Put{}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 1000 {
				put(t, w.src, fmt.Sprintf("%c/%06d", 'a'+2*r.IntN(2), i), nil)
			}
			if chain {
				w.source = func(s store.Source) store.Source { return existing{s, w.src} }
			}
			w.fresh()
			listAll(t, w, r, 3)
			covered(t, w)
			walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, s := range walk.Shards {
				for _, b := range s.Closed.Deletes {
					rows, err := w.config.Ledger.Run(runName).Batches().ReadRows(t.Context(), b.ID)
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range rows {
						found = append(found, row.Key())
					}
				}
			}
			slices.Sort(found)
			if want := slices.DeleteFunc(w.dst.Keys(), func(k string) bool { return k[0] != 'b' }); !slices.Equal(found, want) {
				t.Errorf("%d candidates, want each of %d once", len(found), len(want))
			}
			t.Logf("seed %d: %d shards", seed, len(walk.Shards))
			if !chain && len(walk.Shards) < 8 {
				t.Errorf("%d shards, want the stretch split into several", len(walk.Shards))
			}
		})
	}
}

// paged is a source each page of which takes 40 ms, by the clock of a bubble, and in which nothing
// can be looked for within the first 400 ms.
type paged struct {
	store.Source
	begun time.Time
	lists *atomic.Int64
}

func (p paged) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		p.lists.Add(1)
		if r.Few > 2 && time.Since(p.begun) < 400*time.Millisecond {
			yield(store.Object{}, fault.New(fault.Temporary, "list", "", nil))
			return
		}
		n := 0
		for o, err := range p.Source.List(ctx, r) {
			if n%store.KeysPerPage == 0 {
				time.Sleep(40 * time.Millisecond)
			}
			if n++; !yield(o, err) {
				return
			}
		}
	}
}

// Stat is that of a source which answers about each key within a millisecond.
func (p paged) Stat(ctx context.Context, key string) (store.Object, error) {
	time.Sleep(time.Millisecond)
	return p.Source.Stat(ctx, key)
}

// TestEveryKeyIsCoveredOnceWherePlacesThatAreIdleTakeParts lists a bucket whose first shard
// leaves one child, which two processes may list at the same time.
func TestEveryKeyIsCoveredOnceWherePlacesThatAreIdleTakeParts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lists, fanout int
		chain, named  bool
		divided       bool
	}{
		"eight places":             {8, 8, false, false, true},
		"eight places, of a chain": {8, 8, true, false, true},
		"eight places, of named":   {8, 8, false, true, true},
		"one place":                {1, 8, false, false, false},
		"one place, of named":      {1, 8, false, true, false},
		"not told how many":        {0, 8, false, false, false},
		"to be listed in a chain":  {8, 1, false, false, false},
	} {
		if raced && !tc.divided {
			continue // one listing after the other, and nothing for the detector
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const seed = 9
				r := rand.New(rand.NewPCG(seed, 1))
				w := newWorld(t, func(j *job.Job) { j.Limits.Fanout = tc.fanout })
				keys := make([]string, 40_000)
				for i := range keys {
					keys[i] = fmt.Sprintf("%06x", r.IntN(1<<24))
				}
				putKeys(t, w.src, keys...)
				lists, begun := &atomic.Int64{}, time.Now()
				w.source = func(s store.Source) store.Source {
					if tc.chain {
						s = existing{s, w.src}
					}
					return paged{s, begun, lists}
				}
				if tc.named {
					w.keys = w.src.Keys()
				}
				w.config.Lists = tc.lists
				w.pipe = pipeline.New(w.config)
				listAll(t, w, r, 2)
				covered(t, w)
				walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("seed %d: %d shards, %d listings, in %v", seed, len(walk.Shards), lists.Load(), time.Since(begun))
				if divided := len(walk.Shards) > 2; divided != tc.divided || len(walk.Shards) > 20 {
					t.Errorf("%d shards, want the second divided: %v, and 20 shards at most", len(walk.Shards), tc.divided)
				}
			})
		})
	}
}
