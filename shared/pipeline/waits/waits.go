// Package waits says how long what is not done yet waits. A wait doubles from the first to
// the longest, give or take a quarter, so that two that began together separate.
package waits

import (
	"time"

	"kodoferry/shared/random"
)

// Policy is how long the waits of a run are.
type Policy struct {
	First time.Duration // before a second try
	Most  time.Duration // no wait is longer
	Tries int           // of an object, in one delivery of its task
}

// looks is which part of First a task that waits for others waits at first: what a small
// run does is done within seconds.
const looks = 6

// After returns the wait that follows n others.
func (p Policy) After(n int) time.Duration { return p.doubled(p.First, n, p.Most) }

// Look returns how long a task waits, after n waits, for what others do: up to most.
func (p Policy) Look(n int, most time.Duration) time.Duration {
	return p.doubled(p.First/looks, n, min(most, p.Most))
}

// Rest returns how long the rest of a batch waits: not at all if it was merely
// handed over, else as long as the row asks for that was tried most often, or the one
// that has waited most often. held says that a row waits for a side or a throttle.
func (p Policy) Rest(tries, waited int, held bool) time.Duration {
	if tries == 0 && !held {
		return 0
	}
	return p.After(max(tries/p.Tries, waited-1))
}

// Thaw returns how long n rows wait at first that are being restored; 0 for none.
func (p Policy) Thaw(n int) time.Duration {
	if n == 0 {
		return 0
	}
	return p.After(0)
}

func (p Policy) doubled(first time.Duration, n int, most time.Duration) time.Duration {
	return random.Jitter(min(first<<min(n, 16), most))
}
