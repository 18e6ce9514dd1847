package batching

import (
	"context"

	"golang.org/x/sync/semaphore"

	"kodoferry/shared/ledger"
)

// Memory is for the rows of batches that are copied at the same time: of as many as four of
// the largest batches have. It is safe for concurrent use.
type Memory struct{ free *semaphore.Weighted }

// NewMemory returns one that is empty.
func NewMemory() Memory { return Memory{semaphore.NewWeighted(4 * rowsPerBatch)} }

// Held are the rows of a batch; Release gives back their part of the memory.
type Held struct {
	Rows    []ledger.Row
	Release func()
}

// Read reads the rows of a batch once there is room for the most that it may have.
func (m Memory) Read(ctx context.Context, batches ledger.Batches, batch string) (Held, error) {
	if err := m.free.Acquire(ctx, rowsPerBatch); err != nil {
		return Held{}, err
	}
	rows, err := batches.ReadRows(ctx, batch)
	kept := min(int64(len(rows)), rowsPerBatch)
	m.free.Release(rowsPerBatch - kept)
	if err != nil {
		m.free.Release(kept)
	}
	return Held{rows, func() { m.free.Release(kept) }}, err
}
