package batching

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline/readahead"
)

// Memory is for the rows of batches that are copied at the same time: as much as four of
// the largest batches take. Of what these leave free it keeps rows of batches that were
// written a moment ago, whose copies then need not read them. It is safe for concurrent use.
type Memory struct {
	now  func() time.Time
	free *semaphore.Weighted // bytes

	mu    sync.Mutex
	kept  []keptBatch // the oldest first
	bytes int64       // for these
}

// keptBatch is the rows of a batch that is not copied yet, and nobody else's.
type keptBatch struct {
	run, batch string
	rows       []ledger.Row
	held       int64     // bytes of memory that they take
	since      time.Time // by the wall's clock, which goes on while the machine sleeps
}

const (
	// keptMemory bounds what the rows take that are kept, in bytes.
	keptMemory = 16 << 20
	// leastKept is what a kept batch counts at least, in bytes, which bounds how many there are.
	leastKept = 16 << 10
	// ownFor is for how long a batch that was just written is surely its writer's alone: one that
	// gave a sign of life a third of live.For before is not taken for dead until then.
	ownFor = live.For / 2
)

// NewMemory returns one that is empty.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, free: semaphore.NewWeighted(4 * batchMemory)}
}

// keep takes over rows that were written as a batch of a run, and take held bytes. It keeps
// those that a copy asks for while there is room: batches are copied in the order in which they
// are written, so that one that is kept is of more use than a later one. A nil Memory keeps none.
func (m *Memory) keep(run string, ref ledger.BatchRef, rows []ledger.Row, held int64) {
	if held = max(leastKept, held); m == nil || ref.Pending == 0 || ref.Parts || !m.reserve(held) {
		giveBack(rows)
		return
	}
	own := rows
	if len(rows) < cap(rows)*3/4 { // few rows would be in memory for many
		own = slices.Clone(rows)
		giveBack(rows)
	}
	for i := range own {
		if !own[i].AsRead() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.bytes -= held
			m.free.Release(held)
			giveBack(own)
			return
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = append(m.kept, keptBatch{run, ref.ID, own, held, m.now().Round(0)})
}

// reserve takes memory for rows to be kept. It reports false where there is too little.
func (m *Memory) reserve(bytes int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bytes+bytes > keptMemory || !m.free.TryAcquire(bytes) {
		return false
	}
	m.bytes += bytes
	return true
}

// acquire waits for memory for a batch that is read, for which the youngest of what is kept is
// forgotten: it is copied last.
func (m *Memory) acquire(ctx context.Context, bytes int64) error {
	for !m.free.TryAcquire(bytes) {
		if !m.forgetLast() {
			return m.free.Acquire(ctx, bytes)
		}
	}
	return nil
}

// forgetLast forgets the youngest of what is kept. It reports false where nothing is.
func (m *Memory) forgetLast() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.kept)
	if n > 0 {
		m.forgetAt(n - 1)
	}
	return n > 0
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
// are kept it returns once; own says that they were written so lately that no other process can
// have taken the run over since. Others it begins to read, once there is room for the most that
// the batch may have: rows waits for them. release waits, too, and gives back the memory; it must
// be called, and the rows are not to be used any more.
func (m *Memory) Read(ctx context.Context, run *ledger.Run, batch string) (rows func() ([]ledger.Row, error), own bool, release func()) {
	if b, ok := m.take(run.Name, batch); ok {
		age := m.now().Round(0).Sub(b.since)
		return func() ([]ledger.Row, error) { return b.rows, nil }, 0 <= age && age < ownFor, func() {
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
