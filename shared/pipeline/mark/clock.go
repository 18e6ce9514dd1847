package mark

import (
	"sync/atomic"
	"time"
)

// Clock is the clock of a target, as far as its answers have told the time: two sides, and
// the machine that copies, need not agree. It is safe for concurrent use.
type Clock struct{ last atomic.Pointer[told] }

// told is a time that the target told.
type told struct {
	at    time.Time
	ahead time.Duration // of the own clock
}

// Learn takes in that the target answered at that time, by its clock, to a request that was
// begun at begun, by the own one, which says now by now. A zero at tells nothing. Where that
// took longer than skew, or less than no time, the machine may have slept with the answer
// unread, or its clock have been set: then the target's is taken to be as far ahead as either
// time has it.
func (c *Clock) Learn(at, begun, now time.Time) {
	if c == nil || at.IsZero() {
		return
	}
	ahead := at.Sub(now)
	// By the wall clock: the monotonic one stands still while a machine sleeps.
	if took := now.Round(0).Sub(begun.Round(0)); took < 0 || took > skew {
		ahead = max(ahead, at.Sub(begun))
	}
	c.last.Store(&told{at, ahead})
}

// At returns what the target's clock says when the own one says now, and nothing that is
// before what the target told last, for the own one may have been set back; zero where the
// target has not told it yet.
func (c *Clock) At(now time.Time) time.Time {
	if c == nil {
		return time.Time{}
	}
	last := c.last.Load()
	if last == nil {
		return time.Time{}
	}
	if at := now.Add(last.ahead); at.After(last.at) {
		return at
	}
	return last.at
}
