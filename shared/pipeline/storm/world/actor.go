package world

import (
	"time"
)

// Offer is something that may happen next.
type Offer struct {
	Weight int
	What   string
	Do     func()
}

// Actor is somebody who acts between the steps of the engine: a person, a
// program, a timer. Each keeps a bound on how much it does.
type Actor interface {
	// Offers lists what it may do now, if the seed wants it.
	Offers() []Offer
	// Due says when it does something in any weather, and what; nil: nothing.
	Due() (at time.Time, do func())
	// Content reports whether it wants nothing more.
	Content() bool
	// Process is the one that works for it; nil: none does.
	Process() *Process
	// Died tells that the process that worked for it did.
	Died()
}
