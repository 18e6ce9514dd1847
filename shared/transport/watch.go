package transport

import (
	"context"
	"sync"
)

// watch has the end of a request's context abort the connection that the request uses. It
// stays with the context of the last request while the connection is idle, and does nothing
// then: whoever sends one object after the other does so in one context, and to watch over
// that anew takes longer than to look at the connection.
type watch struct {
	abort func()
	stop  func() bool // ends what the context calls; nil: nothing is watched

	mu   sync.Mutex
	busy bool            // a request is under way
	done <-chan struct{} // of the context
}

// begin watches over the context of a request that uses the connection from now on.
func (w *watch) begin(ctx context.Context) {
	done := ctx.Done()
	w.mu.Lock()
	same := w.stop != nil && w.done == done
	w.busy, w.done = true, done
	w.mu.Unlock()
	switch {
	case same && ctx.Err() != nil: // it may have ended while the connection was idle
		w.abort()
	case !same:
		w.leave()
		if done != nil {
			w.stop = context.AfterFunc(ctx, func() { w.ended(done) })
		}
	}
}

// ended aborts the request, if it still is one of the context that has ended.
func (w *watch) ended(done <-chan struct{}) {
	w.mu.Lock()
	mine := w.busy && w.done == done
	w.mu.Unlock()
	if mine {
		w.abort()
	}
}

// end ends the request. It reports false where its context has ended: the connection may be
// aborted at any time.
func (w *watch) end(ctx context.Context) bool {
	w.mu.Lock()
	w.busy = false
	w.mu.Unlock()
	return ctx.Err() == nil
}

// leave ends the watch. Its connection is closed then, or watched over for another context.
func (w *watch) leave() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}
