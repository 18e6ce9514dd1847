package batching

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/readahead"
)

// Memory is for the rows of batches that are copied at the same time: as much as four of
// the largest batches take. Of what these leave free it keeps rows of batches that were
// written a moment ago, whose copies then need not read them. It is safe for concurrent use.
type Memory struct {
	free *semaphore.Weighted // bytes

	mu    sync.Mutex
	kept  []keptBatch // the oldest first
	bytes int64       // that these take
}

// keptBatch is the rows of a batch that is not copied yet, and nobody else's.
type keptBatch struct {
	run, batch string
	rows       []ledger.Row
	held       int64 // bytes of memory that they take
}

const (
	// keptMemory bounds what the rows take that are kept, in bytes.
	keptMemory = 16 << 20
	// leastKept is what a kept batch counts at least, in bytes, which bounds how many there are.
	leastKept = 16 << 10
)

// NewMemory returns one that is empty.
func NewMemory() *Memory { return &Memory{free: semaphore.NewWeighted(4 * batchMemory)} }

// keep takes over rows that were written as a batch of a run, and take held bytes, and keeps
// those that a copy asks for. For them it forgets the oldest ones; where copies take the
// memory, it keeps none. A nil Memory keeps nothing.
func (m *Memory) keep(run string, ref ledger.BatchRef, rows []ledger.Row, held int64) {
	if m == nil || ref.Pending == 0 || ref.Parts || !areAsRead(rows) {
		giveBack(rows)
		return
	}
	if cap(rows) > 2*len(rows) {
		few := slices.Clone(rows)
		giveBack(rows)
		rows = few
	}
	held = max(leastKept, held+int64(cap(rows)-len(rows))*heldBy(&ledger.Row{}))
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.bytes+held > keptMemory && len(m.kept) > 0 {
		m.forgetAt(0)
	}
	if held > keptMemory || !m.room(held) {
		giveBack(rows)
		return
	}
	m.kept = append(m.kept, keptBatch{run, ref.ID, rows, held})
	m.bytes += held
}

// areAsRead makes rows that were written those that reading them returns, and reports whether
// it could.
func areAsRead(rows []ledger.Row) bool {
	for i := range rows {
		if !rows[i].AsRead() {
			return false
		}
	}
	return true
}

// room takes memory, for which it forgets the oldest of what is kept. It reports false where
// there is too little without that. The caller holds mu.
func (m *Memory) room(bytes int64) bool {
	for !m.free.TryAcquire(bytes) {
		if len(m.kept) == 0 {
			return false
		}
		m.forgetAt(0)
	}
	return true
}

// forgetAt forgets the i-th of what is kept. The caller holds mu.
func (m *Memory) forgetAt(i int) {
	b := m.takeAt(i)
	m.free.Release(b.held)
	giveBack(b.rows)
}

// takeAt takes the i-th out of what is kept. The caller holds mu.
func (m *Memory) takeAt(i int) keptBatch {
	b := m.kept[i]
	m.kept = slices.Delete(m.kept, i, i+1)
	m.bytes -= b.held
	return b
}

// Forget forgets what is kept of a run.
func (m *Memory) Forget(run string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.kept) - 1; i >= 0; i-- {
		if m.kept[i].run == run {
			m.forgetAt(i)
		}
	}
}

// take takes the rows of a batch that are kept, if they are.
func (m *Memory) take(run, batch string) (b keptBatch, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.kept, func(b keptBatch) bool { return b.batch == batch && b.run == run })
	if i < 0 {
		return b, false
	}
	return m.takeAt(i), true
}

// Read returns the rows of a batch of a run, which are the caller's, to be changed. Those that
// are kept, which own says, it returns once. Others it begins to read, once there is room for
// the most that the batch may have: rows waits for them. release waits, too, and gives back the
// memory; it must be called, and the rows are not to be used any more.
func (m *Memory) Read(ctx context.Context, run *ledger.Run, batch string) (rows func() ([]ledger.Row, error), own bool, release func()) {
	if b, ok := m.take(run.Name, batch); ok {
		return func() ([]ledger.Row, error) { return b.rows, nil }, true, func() {
			m.free.Release(b.held)
			giveBack(b.rows)
		}
	}
	held := int64(0)
	rows = readahead.Begin(func() ([]ledger.Row, error) {
		if err := m.acquire(ctx, batchMemory); err != nil {
			return nil, err
		}
		all, err := run.Batches().ReadRows(ctx, batch)
		if err == nil {
			for i := range all {
				held += heldBy(&all[i])
			}
			held = min(held, batchMemory)
		}
		m.free.Release(batchMemory - held)
		return all, err
	})
	return rows, false, func() {
		_, _ = rows()
		m.free.Release(held)
	}
}

// acquire waits for memory, of which what is kept leaves as much as there is.
func (m *Memory) acquire(ctx context.Context, bytes int64) error {
	m.mu.Lock()
	ok := m.room(bytes)
	m.mu.Unlock()
	if ok {
		return nil
	}
	return m.free.Acquire(ctx, bytes)
}
