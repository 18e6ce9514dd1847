package pile

import (
	"sync"
	"time"
)

// Clock is the time of day, which a test puts forward, or stops. The zero Clock is right.
// It is safe for concurrent use.
type Clock struct {
	Tick func() // is called when the clock was put forward; nil: nothing is. Set it before use

	mu    sync.Mutex
	add   time.Duration
	still time.Time // set: the time goes on by Set alone
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still.Add(c.add)
	}
	return time.Now().Add(c.add)
}

// Freeze stops the clock at t, in whole seconds: what is measured then is exact.
func (c *Clock) Freeze(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still = t.Truncate(time.Second)
}

// Set makes the clock fast by d.
func (c *Clock) Set(d time.Duration) {
	c.move(func(time.Duration) time.Duration { return d })
}

// Advance puts the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	c.move(func(add time.Duration) time.Duration { return add + d })
}

func (c *Clock) move(to func(time.Duration) time.Duration) {
	c.mu.Lock()
	c.add = to(c.add)
	c.mu.Unlock()
	if c.Tick != nil {
		c.Tick()
	}
}
