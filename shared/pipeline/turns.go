package pipeline

import (
	"context"
	"errors"
	"sync"
)

// turns lets a bounded number of streams be open at the same time, a number
// that may change.
type turns struct {
	mu    sync.Mutex
	most  int // 0: any number
	taken int
	shut  bool          // none is begun any more
	moved chan struct{} // closed, and replaced, when one may try again
}

func (t *turns) set(most int, shut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.most != most || t.shut != shut {
		t.most, t.shut = most, shut
		t.wake()
	}
}

func (t *turns) wake() {
	if t.moved != nil {
		close(t.moved)
		t.moved = nil
	}
}

// take waits for a turn. It reports false where there is none before ctx ends
// or the time comes to write the outcome: what is left is handed over.
func (t *turns) take(ctx context.Context) bool {
	ctx, cancel := reserve(ctx)
	defer cancel()
	for {
		t.mu.Lock()
		if t.shut {
			t.mu.Unlock()
			return false
		}
		if t.most == 0 || t.taken < t.most {
			t.taken++
			t.mu.Unlock()
			return true
		}
		if t.moved == nil {
			t.moved = make(chan struct{})
		}
		moved := t.moved
		t.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

// busy reports whether any turn is taken.
func (t *turns) busy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken > 0
}

// keep reports whether who has a turn may go on: where turns are bounded, all
// who wait come to theirs.
func (t *turns) keep() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.most == 0 && !t.shut
}

func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	t.wake()
}

// errNoTurn says that the limits of the run left no stream to this task.
var errNoTurn = errors.New("the run's limits leave no stream")
