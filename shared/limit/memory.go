package limit

import (
	"context"
	"math/bits"

	"golang.org/x/sync/semaphore"
)

const (
	// streamed is how many bytes of a body are in memory that is sent as it comes: what is
	// read ahead, and what is written.
	streamed = 192 << 10
	// smallBody is the size, in bytes, up to which the driver of the target holds a body whole;
	// leastBody what it takes for the smallest.
	smallBody = 1 << 20
	leastBody = 8 << 10
)

// Memory bounds how many bytes of bodies are in memory. A nil Memory bounds nothing. It is
// safe for concurrent use.
type Memory struct {
	free  *semaphore.Weighted
	total int64
}

// NewMemory returns a Memory of total bytes.
func NewMemory(total int64) *Memory { return &Memory{semaphore.NewWeighted(total), total} }

// Acquire waits until there is memory for the body of an object of n bytes, or a part, and
// returns what gives it back. It fails only if ctx ends first, with its error.
func (m *Memory) Acquire(ctx context.Context, n int64) (release func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	take := min(held(n), m.total)
	if err := m.free.Acquire(ctx, take); err != nil {
		return nil, err
	}
	return func() { m.free.Release(take) }, nil
}

// held is how many bytes of a body of n bytes are in memory. Small ones are held whole, in
// memory of a power of two.
func held(n int64) int64 {
	switch {
	case n > smallBody:
		return streamed
	case n <= leastBody:
		return leastBody
	}
	return 1 << bits.Len64(uint64(n-1))
}
