package mem

import (
	"sync"
	"time"
)

// Clock is what a queue knows of time.
type Clock interface {
	Now() time.Time
	// Alarm returns a channel that gets a value at t, at once if t is past, and
	// a function that gives the alarm up. (A moment and not a duration: the
	// clock may move between asking for the time and setting the alarm.)
	Alarm(t time.Time) (ring <-chan time.Time, stop func())
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Alarm(t time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(time.Until(t))
	return timer.C, func() { timer.Stop() }
}

// Manual is a clock that stands still until Advance moves it. It is safe for
// concurrent use.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[chan time.Time]time.Time // when each rings
}

// NewManual returns a clock that shows start.
func NewManual(start time.Time) *Manual {
	return &Manual{now: start, alarms: map[chan time.Time]time.Time{}}
}

// Now returns the time it shows.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock and rings the alarms that it passes.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	for ring, at := range m.alarms {
		m.check(ring, at)
	}
}

// Alarm implements Clock.
func (m *Manual) Alarm(t time.Time) (<-chan time.Time, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ring := make(chan time.Time, 1)
	m.alarms[ring] = t
	m.check(ring, t)
	return ring, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.alarms, ring)
	}
}

// check rings an alarm whose time has come, once.
func (m *Manual) check(ring chan time.Time, at time.Time) {
	if !at.After(m.now) {
		ring <- m.now // has room: it is filled once
		delete(m.alarms, ring)
	}
}
