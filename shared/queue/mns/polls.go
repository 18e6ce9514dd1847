package mns

import (
	"context"
	"sync"
)

// polls knows the requests for messages that are under way, those that nobody
// waits for any more included.
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
func (p *polls) begin(ctx context.Context) (context.Context, func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &poll{cancel, make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[*poll]struct{}{}
	}
	p.open[one] = struct{}{}
	return own, func() {
		cancel()
		p.mu.Lock()
		delete(p.open, one)
		p.mu.Unlock()
		close(one.done)
	}
}

// wait waits until all have ended, or ends them when ctx ends.
func (p *polls) wait(ctx context.Context) {
	p.mu.Lock()
	var left []*poll
	for one := range p.open {
		left = append(left, one)
	}
	p.mu.Unlock()
	for _, one := range left {
		select {
		case <-one.done:
		case <-ctx.Done():
			one.cancel()
			<-one.done
		}
	}
}
