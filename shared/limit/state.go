package limit

import (
	"context"
	"sync"

	"kodoferry/shared/ledger"
)

// RunState is whether a run's tasks are to be done, as far as this process
// knows. The zero value is that of a run that goes on. It is safe for concurrent use.
type RunState struct {
	mu      sync.Mutex
	read    ledger.Standing // by the ledger, when it was last read
	expired bool            // read is too old to be relied on
	halt    chan struct{}   // closed to halt tasks at work; made anew when they may go on; nil before the first use
	halted  bool            // halt is closed
}

// Set takes in what the ledger says. It halts the tasks at work of a run that
// is stopped, and lets them go on where the state had expired.
func (s *RunState) Set(now ledger.Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read, s.expired = now, false
	s.signal(now.Stopped())
}

// expire halts all tasks at work until Set is called: a command that stops a
// run relies on every process having noticed by Notice.
func (s *RunState) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired = true
	s.signal(true)
}

// Expired reports whether what this process knows is too old to begin a task by.
func (s *RunState) Expired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expired
}

// Halted reports whether tasks at work are to stop.
func (s *RunState) Halted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expired || s.read.Stopped()
}

func (s *RunState) signal(stop bool) {
	if s.halt == nil || s.halted && !stop {
		s.halt, s.halted = make(chan struct{}), false
	}
	if stop && !s.halted {
		close(s.halt)
		s.halted = true
	}
}

// Standing returns what Set was last called with.
func (s *RunState) Standing() ledger.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

// Stops reports whether the work of a task, whose context UntilHalted made of ctx, is to end
// because the run stops, and not because the invocation ends.
func (s *RunState) Stops(ctx, work context.Context) bool {
	return ctx.Err() == nil && (work.Err() != nil || s.Standing().Stopped())
}

// UntilHalted returns a copy of ctx that is canceled when tasks are to stop, or
// by done, which must be called.
func (s *RunState) UntilHalted(ctx context.Context) (work context.Context, done func()) {
	s.mu.Lock()
	if s.halt == nil {
		s.halt = make(chan struct{})
	}
	halt := s.halt
	s.mu.Unlock()
	work, cancel := context.WithCancel(ctx)
	select {
	case <-halt: // the goroutine below may begin too late for the caller's first step
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
