package batching

import (
	"context"

	"golang.org/x/sync/semaphore"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/readahead"
)

// Memory is for the rows of batches that are copied at the same time: as much as four of
// the largest batches take. It is safe for concurrent use.
type Memory struct{ free *semaphore.Weighted }

// NewMemory returns one that is empty.
func NewMemory() Memory { return Memory{semaphore.NewWeighted(4 * batchMemory)} }

// Read begins to read the rows of a batch, once there is room for the most that it may have.
// rows waits for them. release waits, too, and gives back their part of the memory; it must
// be called.
func (m Memory) Read(ctx context.Context, batches ledger.Batches, batch string) (rows func() ([]ledger.Row, error), release func()) {
	held := int64(0)
	rows = readahead.Begin(func() ([]ledger.Row, error) {
		if err := m.free.Acquire(ctx, batchMemory); err != nil {
			return nil, err
		}
		all, err := batches.ReadRows(ctx, batch)
		if err == nil {
			for i := range all {
				held += heldBy(&all[i])
			}
			held = min(held, batchMemory)
		}
		m.free.Release(batchMemory - held)
		return all, err
	})
	return rows, func() {
		_, _ = rows()
		m.free.Release(held)
	}
}
