// Package polls is what the drivers of distributed queues have in common: it
// knows the requests for messages that are under way, and those that a
// cancelled Receive left behind. A request that is cut off could take messages
// with it, so it goes on to its own end, and what it gets is given back. Retry
// tries a request again, Batch a batch of messages, and warns of those that were refused.
package polls

import (
	"context"
	"sync"
)

// Set is the requests of one queue. The zero Set is empty. It is safe for
// concurrent use.
type Set struct {
	mu   sync.Mutex
	open map[*poll]struct{}
}

type poll struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Begin returns a context that outlives ctx, and the function that ends it and
// says that the request has ended.
func (s *Set) Begin(ctx context.Context) (context.Context, func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &poll{cancel, make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*poll]struct{}{}
	}
	s.open[one] = struct{}{}
	return own, func() {
		cancel()
		s.mu.Lock()
		delete(s.open, one)
		s.mu.Unlock()
		close(one.done)
	}
}

// Len counts the requests that have not ended.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Wait waits until all have ended, or ends them when ctx ends.
func (s *Set) Wait(ctx context.Context) {
	s.mu.Lock()
	var left []*poll
	for one := range s.open {
		left = append(left, one)
	}
	s.mu.Unlock()
	for _, one := range left {
		select {
		case <-one.done:
		case <-ctx.Done():
			one.cancel()
			<-one.done
		}
	}
}
