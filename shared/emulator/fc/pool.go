package fc

import (
	"context"
	"fmt"
	"net/http"

	"kodoferry/shared/fault"
)

// place gives inv to an instance of f: a warm one with room, or a new one.
// Where neither can be had it waits for room if it may, and is Throttled if not.
func (c *Cloud) place(ctx context.Context, f *function, inv *invocation, wait bool) error {
	for {
		changed, err := c.tryPlace(f, inv)
		if err != nil || changed == nil {
			return err
		}
		if !wait {
			f.count(func(s *Stats) { s.Throttled++ })
			return fault.Throttle("fc.Invoke", f.Name, 0, fmt.Errorf("%d %s: every instance is busy, and no more than %d are allowed (%d of all functions)",
				http.StatusTooManyRequests, standards[f.Platform].overloaded, f.MaxInstances, c.max))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryPlace returns nil if an instance took inv, else a channel that closes when it is worth asking again.
func (c *Cloud) tryPlace(f *function, inv *invocation) (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed("fc.Invoke")
	}
	i := f.roomiest()
	if i == nil {
		if len(f.instances) >= f.MaxInstances || c.instances >= c.max && !c.evict() {
			return c.changed, nil
		}
		i = f.launch()
	}
	i.take(inv)
	return nil, nil
}

// roomiest returns the instance to give more work: one that runs rather than
// one that starts, a busy one rather than one that others may let go of, and
// the newest of equals; nil if none has room. Cloud.mu must be held.
func (f *function) roomiest() *instance {
	var best *instance
	for _, i := range f.instances {
		if i.room() && (best == nil || i.worth() >= best.worth()) {
			best = i
		}
	}
	return best
}

func (i *instance) worth() int {
	if i.ready {
		return 1000 + len(i.flights) // above the most that an instance takes
	}
	return len(i.flights)
}

// evict lets go of an instance without work, of any function, so that another
// may be started; false if all have some. Cloud.mu must be held.
func (c *Cloud) evict() bool {
	for _, f := range c.functions {
		for _, i := range f.instances {
			if len(i.flights) == 0 {
				i.leave()
				return true
			}
		}
	}
	return false
}

// wake tells those who wait for room to look again. Cloud.mu must be held.
func (c *Cloud) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Kill kills the process of one instance of function that is in the middle of
// an invocation, as the loss of its machine would, and reports whether there was one.
func (c *Cloud) Kill(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.functions[name]
	if !ok {
		return false
	}
	for _, i := range f.instances {
		if i.working() {
			f.stats.Kills++
			i.leave()
			return true
		}
	}
	return false
}
