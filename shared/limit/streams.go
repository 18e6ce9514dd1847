package limit

import (
	"context"
	"sync"
)

// Streams bounds how many streams are open at the same time by a number that
// may change. The zero value bounds nothing. It is safe for concurrent use.
//
// It is not golang.org/x/sync/semaphore: the size of that is fixed, and what
// waits for it cannot be sent away when the process may copy no longer.
type Streams struct {
	mu      sync.Mutex
	most    int // 0: any number
	open    int
	closed  bool          // none may be opened any more
	changed chan struct{} // closed when calls that wait are to try again; nil: none waits
}

// set bounds the streams to most (0: any number). closed lets none be opened,
// and ends all waiting calls of Acquire.
func (s *Streams) set(most int, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most != most || s.closed != closed {
		s.most, s.closed = most, closed
		s.wake()
	}
}

func (s *Streams) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Acquire waits until one more stream may be opened, and reports true. It
// reports false where none may be opened any more, or ctx ends first.
func (s *Streams) Acquire(ctx context.Context) bool {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return false
		}
		if s.most == 0 || s.open < s.most {
			s.open++
			s.mu.Unlock()
			return true
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// inUse reports whether any stream is open.
func (s *Streams) inUse() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open > 0
}

// Reusable reports whether a stream may be used for another object. Where streams
// are bounded it may not, so that all calls that wait have one in turn.
func (s *Streams) Reusable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most == 0 && !s.closed
}

// Release closes a stream.
func (s *Streams) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.wake()
}
