package mark

import (
	"sync/atomic"
	"time"
)

// Clock is the clock of a target, as far as its answers have told the time: two sides, and
// the machine that copies, need not agree. It is safe for concurrent use.
type Clock struct {
	known atomic.Bool
	ahead atomic.Int64 // of the own clock, in nanoseconds
}

// Learn takes in that the target answered at that time, by its clock, when the own one said
// now. A zero at tells nothing.
func (c *Clock) Learn(at, now time.Time) {
	if c == nil || at.IsZero() {
		return
	}
	c.ahead.Store(int64(at.Sub(now)))
	c.known.Store(true)
}

// At returns what the target's clock says when the own one says now; zero where the target
// has not told it yet.
func (c *Clock) At(now time.Time) time.Time {
	if c == nil || !c.known.Load() {
		return time.Time{}
	}
	return now.Add(time.Duration(c.ahead.Load()))
}
