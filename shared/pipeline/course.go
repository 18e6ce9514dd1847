package pipeline

import (
	"context"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// course is whether a run's tasks are to be done, as far as this process knows:
// what it read with the limits, less than Notice ago.
type course struct {
	mu     sync.Mutex
	now    ledger.Standing
	lapsed bool          // what was read is too old to be relied on
	halt   chan struct{} // closed when tasks at work are to stop; made anew when they may go on
	halted bool          // halt is closed
}

// set takes in what the ledger says.
func (c *course) set(s ledger.Standing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.lapsed = s, false
	c.turn(s.Stopped())
}

// lapse has tasks at work stop, and none begin, until the ledger says how the
// run stands: whoever stops a run relies on it that all have noticed by Notice.
func (c *course) lapse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lapsed = true
	c.turn(true)
}

// unknown reports whether what this process knows is too old.
func (c *course) unknown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lapsed
}

// halts reports whether tasks at work are to stop.
func (c *course) halts() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lapsed || c.now.Stopped()
}

func (c *course) turn(stop bool) {
	if c.halt == nil || c.halted && !stop {
		c.halt, c.halted = make(chan struct{}), false
	}
	if stop && !c.halted {
		close(c.halt)
		c.halted = true
	}
}

// is tells what this process knows.
func (c *course) is() ledger.Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// under returns ctx, ended when tasks are to stop, until done is called.
func (c *course) under(ctx context.Context) (work context.Context, done func()) {
	c.mu.Lock()
	if c.halt == nil {
		c.halt = make(chan struct{})
	}
	halt := c.halt
	c.mu.Unlock()
	work, cancel := context.WithCancel(ctx)
	select {
	case <-halt: // at once, and not a moment later
		cancel()
	default:
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-halt:
			cancel()
		case <-work.Done():
		}
	}()
	return work, func() {
		cancel()
		<-ended
	}
}

// StandingOf tells whether a run's tasks are to be done, as far as this process
// knows. A run that it did no task of goes on.
func (p *Pipeline) StandingOf(name string) ledger.Standing {
	p.mu.Lock()
	r, ok := p.runs[name]
	p.mu.Unlock()
	if !ok {
		return ledger.Going
	}
	return r.limits.course.is()
}

// dropped reports whether a task is not to be done any more: its run is paused,
// cancelled or over, or its job was ended for good. What is open of a paused
// run is derived from the ledger when it is resumed.
func (r *run) dropped(ctx context.Context, t task.Task) (bool, error) {
	s := r.limits.course.is()
	if s == ledger.Paused { // the run may have been resumed since, and this task be the one that resumes it
		var err error
		if s, _, err = r.Standing(ctx); err != nil {
			return false, err
		}
		r.limits.course.set(s)
	}
	if s == ledger.Paused && t.Kind == task.Event && t.Key != "" {
		return false, nil // no record tells of it: it leaves one
	}
	if s.Stopped() {
		r.log.InfoContext(ctx, "task dropped", "kind", t.Kind, "shard", t.Shard, "standing", s)
	}
	return s.Stopped(), nil
}

// stopped reports whether the run is known to be stopped, or tasks are to stop
// for it, and not because the invocation ends.
func (r *run) stopped(ctx, work context.Context) bool {
	return ctx.Err() == nil && (work.Err() != nil || r.limits.course.is().Stopped())
}

// halted reports whether tasks are to stop, and not because the invocation ends.
func halted(ctx, work context.Context) bool { return work.Err() != nil && ctx.Err() == nil }
