package remote

import (
	"context"
	"sync"
)

// polls are the requests for messages that are under way, those among them that a cancelled
// Receive left behind. A request that is cut off could take messages with it, so it goes on to
// its own end, and what it gets is given back. The zero polls are none; they are safe for
// concurrent use.
type polls struct {
	mu   sync.Mutex
	open map[*poll]struct{}
}

type poll struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// begin returns a context that outlives ctx, and the function that ends it and
// says that the request has ended.
func (s *polls) begin(ctx context.Context) (context.Context, func()) {
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

// count counts the requests that have not ended.
func (s *polls) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// wait waits until all have ended, or ends them when ctx ends.
func (s *polls) wait(ctx context.Context) {
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
