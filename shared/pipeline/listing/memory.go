package listing

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"kodoferry/shared/store"
)

const (
	// walkedMemory is how many bytes all walks of a process hold of what is listed: as many as
	// 48 take of keys of 100 bytes, with leastWalked each. Where keys are longer, or have
	// metadata, fewer are walked side by side.
	walkedMemory = 96 << 20
	leastWalked  = 2 << 20
	// pagesHeld is how many pages of a side a walk holds: the one that it is in, the one that is
	// read ahead, and the answer that this is read from.
	pagesHeld = 3
	// weighed is of how many keys the weight of a page is estimated: less than a page, so that
	// a walk knows soon.
	weighed = store.KeysPerPage / 4
	// lasting is for how many times that keys are weighed what a walk needed is still taken for
	// what the next one needs, about: of 48 walks, as long as what a heavy one left waits in a queue.
	lasting = 256
)

// Memory is for what the walks of a process hold of both listings. It is safe for concurrent
// use.
type Memory struct {
	free  *semaphore.Weighted
	total int64
	walk  atomic.Int64 // bytes that a walk took of late: the next one is taken to need as many
}

// NewMemory returns one that is empty.
func NewMemory() *Memory {
	return &Memory{free: semaphore.NewWeighted(walkedMemory), total: walkedMemory}
}

// Walk is the part of a Memory that one walk has. It is safe for concurrent use.
type Walk struct {
	of *Memory

	mu    sync.Mutex
	has   int64    // bytes
	pages [2]int64 // bytes of a page of the source, and of the target
	short bool
}

// Begin waits until there is memory for a walk like those before it, which End gives back. The
// error is the end of ctx.
func (m *Memory) Begin(ctx context.Context) (*Walk, error) {
	has := m.bounded(m.walk.Load())
	if err := m.free.Acquire(ctx, has); err != nil {
		return nil, err
	}
	return &Walk{of: m, has: has}, nil
}

func (m *Memory) bounded(n int64) int64 { return min(max(n, leastWalked), m.total) }

// Both returns the listings of the walk's two sides, which are weighed as they are read.
func (w *Walk) Both(src, dst Lister) (Lister, Lister) { return w.weigh(0, src), w.weigh(1, dst) }

func (w *Walk) weigh(side int, l Lister) Lister {
	return func(after string) iter.Seq2[store.Object, error] {
		return func(yield func(store.Object, error) bool) {
			n, sum, enough := int64(0), int64(0), int64(1) // the first alone tells of its page already
			for o, err := range l(after) {
				if n, sum = n+1, sum+o.Held(); n == enough {
					w.saw(side, sum/n*store.KeysPerPage)
					n, sum, enough = 0, 0, weighed
				}
				if !yield(o, err) {
					return
				}
			}
		}
	}
}

// saw takes in what a page of a side weighs where the walk is now, and takes as much memory
// as the walk needs, if there is so much, or gives back what is far too much.
func (w *Walk) saw(side int, page int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[side] = page
	needs := pagesHeld * (w.pages[0] + w.pages[1])
	before := w.of.walk.Load()
	w.of.walk.Store(max(needs, before-before/lasting)) // what another walk stores meanwhile it stores again soon
	needs = w.of.bounded(needs)
	switch {
	case needs > w.has && w.of.free.TryAcquire(needs-w.has):
		w.has = needs
	case needs < w.has/2:
		w.of.free.Release(w.has - needs)
		w.has = needs
	}
	w.short = needs > w.has+w.has/4
}

// Short reports whether the walk holds more than there was memory for. What is left of it is
// to be walked later, when others have ended.
func (w *Walk) Short() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.short
}

// End gives back what the walk has. It is called once, when nothing of it is listed any more.
func (w *Walk) End() { w.of.free.Release(w.has) }
