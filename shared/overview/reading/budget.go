package reading

import (
	"sync"
)

// budget is how many requests a refresh may make. It is safe for concurrent use.
type budget struct {
	mu      sync.Mutex
	used    int
	allowed int
}

// take takes n of the requests that are left, as many as there are, and returns how many.
func (b *budget) take(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = max(min(n, b.allowed-b.used), 0)
	b.used += n
	return n
}

// spent counts requests that were made without having been taken.
func (b *budget) spent(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += n
}

// left is how many requests may still be made.
func (b *budget) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.allowed-b.used, 0)
}
