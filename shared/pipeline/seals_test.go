package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
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

// mortal is the ledger's bucket of a process that dies at one of its writes: with
// effect or without, and nothing that it asks for afterwards has any.
type mortal struct {
	*mem.Bucket
	mu     sync.Mutex
	left   int // writes
	effect bool
	die    context.CancelFunc
	dead   bool
}

var errMortal = fault.New(fault.Temporary, "mortal", "", errors.New("the process is dead"))

func (m *mortal) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // so that twins take turns
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return store.Stored{}, errMortal
	}
	m.left--
	if m.left != 0 {
		return m.Bucket.Put(ctx, o, body, how)
	}
	m.dead = true
	m.die()
	if m.effect {
		_, _ = m.Bucket.Put(context.WithoutCancel(ctx), o, body, how)
	}
	return store.Stored{}, errMortal
}

// listings is what became of the List tasks of a run whose processes die.
type listings struct {
	w    *world
	mu   sync.Mutex
	sent map[string]int // copies that were sent, by their batches
	open []task.Task    // List tasks that follow
}

func (l *listings) send(tasks ...task.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tasks {
		switch t.Kind {
		case task.Copy:
			l.sent[t.Batch]++
		case task.List:
			l.open = append(l.open, t)
		}
	}
}

// deliver has a process of its own do t, which dies at one of its writes if after is
// above 0. done reports whether it let go of the message.
func (l *listings) deliver(t *testing.T, tk task.Task, after int, effect bool) (done bool) {
	ctx, die := context.WithCancel(t.Context())
	defer die()
	m := &mortal{Bucket: l.w.led, left: after, effect: effect, die: die}
	config := l.w.config
	config.Ledger, config.Shared = ledger.Open(m, l.w.job.Ledger.Prefix), true
	config.Send = func(_ context.Context, tasks ...task.Task) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.dead {
			return errMortal
		}
		l.send(tasks...)
		return nil
	}
	next, err := pipeline.New(config).Do(ctx, tk)
	m.mu.Lock()
	dead := m.dead
	m.mu.Unlock()
	if dead {
		return false
	}
	if err != nil {
		if fault.KindOf(err) != fault.Later {
			t.Errorf("list %q: %v", tk.Shard, err)
		}
		return false
	}
	l.send(next...)
	return true
}

// TestEveryKeyIsCoveredOnceWhereverAListingDies has the processes that list die at any
// write of theirs, also two at a time that have the same message: every batch that is sent
// is one of its shard's closing, every one of a closing is sent, and together they have
// every key once.
func TestEveryKeyIsCoveredOnceWhereverAListingDies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			sets := keySets(1+r.IntN(400), r)
			names := slices.Sorted(func(yield func(string) bool) {
				for name := range sets {
					if !yield(name) {
						return
					}
				}
			})
			name := names[r.IntN(len(names))]
			w := newWorld(t, func(j *job.Job) {
				j.Limits.ShardKeys, j.Limits.Fanout, j.Limits.BatchObjects = int64(1+r.IntN(150)), 1+r.IntN(4), 1+r.IntN(20)
				j.Delete = r.IntN(3) == 0
			})
			for _, k := range sets[name] {
				put(t, w.src, k, nil)
			}
			if r.IntN(3) == 0 {
				w.source = func(s store.Source) store.Source { return existing{s, w.src} }
			}
			l := &listings{w: w, sent: map[string]int{}}
			l.send(w.start()...)
			for len(l.open) > 0 {
				i := r.IntN(len(l.open))
				tk := l.open[i]
				l.open = slices.Delete(l.open, i, i+1)
				twins := 1 + r.IntN(2)
				var all sync.WaitGroup
				for range twins {
					deaths := make([]int, r.IntN(4))
					for n := range deaths {
						deaths[n] = 1 + r.IntN(12)
					}
					effect := r.IntN(2) == 0
					all.Go(func() {
						tk := tk
						for n := 0; ; n++ {
							tk.Deliveries++
							after := 0
							if n < len(deaths) {
								after = deaths[n]
							}
							if l.deliver(t, tk, after, effect) {
								return
							}
							if n > 100 {
								t.Errorf("the listing of %q does not end", tk.Shard)
								return
							}
						}
					})
				}
				all.Wait()
			}
			covered(t, w)
			walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(runName))
			if err != nil {
				t.Fatal(err)
			}
			named := map[string]bool{}
			for _, s := range walk.Shards {
				for _, b := range s.Closed.Batches {
					named[b.ID] = true
					if b.Pending > 0 && l.sent[b.ID] == 0 {
						t.Errorf("the batch %s is named by its shard's closing, and was never sent", b.ID)
					}
				}
			}
			for b := range l.sent {
				if !named[b] {
					t.Errorf("the batch %s was sent, and no closing names it", b)
				}
			}
			t.Logf("%s: %d keys in %d shards, %d batches sent", name, len(sets[name]), len(walk.Shards), len(l.sent))
		})
	}
}

// sealsOf begins a run of 300 objects, whose first shard seals a batch of 50 at a time, and
// has its listing end at the 200th key by an error. It returns what was sent by then.
func sealsOf(t *testing.T, w *world) (first, sent []task.Task) {
	w.fill(300, 1)
	w.source = func(s store.Source) store.Source {
		return &troubled{Source: s, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			return func(yield func(store.Object, error) bool) {
				for o, err := range s.List(ctx, r) {
					if r.UpTo == "" && o.Key >= "k/00200" {
						yield(store.Object{}, fault.New(fault.Invalid, "kodo.List", o.Key, errors.New("no more")))
						return
					}
					if !yield(o, err) {
						return
					}
				}
			}
		}}
	}
	w.fresh()
	var mu sync.Mutex
	begun := make(chan struct{}, 100)
	w.config.Shared = true
	w.config.Send = func(_ context.Context, tasks ...task.Task) error {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, tasks...)
		begun <- struct{}{}
		return nil
	}
	w.pipe = pipeline.New(w.config)
	first = w.start()
	if next, err := w.pipe.Do(t.Context(), first[0]); err == nil {
		t.Fatalf("the listing ends with %d tasks, want its error", len(next))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) == 0 {
		t.Fatal("nothing was sent while the shard was listed")
	}
	for _, tk := range sent {
		if tk.Kind != task.Copy || tk.Count != 50 {
			t.Errorf("%+v was sent while the shard was listed, want copies of 50", tk)
		}
	}
	return first, sent
}

func TestABatchIsSentWhileItsShardIsListed(t *testing.T) {
	w := newWorld(t, batches(50))
	_, sent := sealsOf(t, w)
	if _, err := w.config.Ledger.Run(runName).Shards().ReadListed(t.Context(), ledger.RootShard); !ledger.Missing(err) {
		t.Errorf("%d batches were sent, and the shard is closed (%v), want it still open", len(sent), err)
	}
}

// TestAListingThatIsGivenUpKeepsWhatItSealed gives up a listing of which something is
// sealed: only what is behind that is unknown.
func TestAListingThatIsGivenUpKeepsWhatItSealed(t *testing.T) {
	w := newWorld(t, batches(50))
	first, sent := sealsOf(t, w)
	next, err := w.pipe.GiveUp(t.Context(), first[0], errors.New("no more"))
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, slices.Concat(sent, next, first[1:])...)
	rep, n := w.report(), int64(50*len(sent))
	if o := rep.Objects; o.Listed != n || o.Copied != n || o.Verified != n || len(rep.Unknown) != 1 || rep.Unknown[0].After != fmt.Sprintf("k/%05d", n-1) {
		t.Errorf("%+v, unknown %+v, want %d of each and one stretch behind", o, rep.Unknown, n)
	}
}

// TestACancelledRunCountsWhatWasSealed cancels a run while its first shard is listed.
func TestACancelledRunCountsWhatWasSealed(t *testing.T) {
	w := newWorld(t, batches(50))
	_, sent := sealsOf(t, w)
	if _, err := w.pipe.Do(t.Context(), sent[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.config.Ledger.Run(runName).Steering().WriteStanding(t.Context(), ledger.Cancelled, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	rep, err := w.pipe.End(t.Context(), runName)
	if n := int64(50 * len(sent)); err != nil || rep.Objects.Listed != n || rep.Objects.Copied != 50 || rep.Objects.Open != n-50 {
		t.Errorf("%+v, %v, want %d listed, 50 of them copied, the others open", rep.Objects, err, n)
	}
}
