package runs

import "sync"

// listers counts the shards that a process lists at a time. It is safe for concurrent use.
type listers struct {
	mu    sync.Mutex
	busy  int // shards that are listed
	taken int // places for more of them
}

// lister is one of them: a shard that is listed, until done is called.
type lister struct {
	of    *listers
	taken int // places for what is left of it
}

func (l *listers) begin() *lister {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy++
	return &lister{of: l}
}

// take takes a fair part of the places that list nothing, of most in all, in place of what
// it took before, and returns how many these are.
func (r *lister) take(most int) int {
	l := r.of
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken -= r.taken
	r.taken = 0
	if idle := most - l.busy - l.taken; idle > 0 {
		r.taken = max(1, idle/l.busy)
	}
	l.taken += r.taken
	return r.taken
}

func (r *lister) done() {
	l := r.of
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.taken -= r.taken
}
