// Package queue is the port to a message queue that delivers at least once, in
// no order. Drivers live below it; queuetest is this contract as a suite.
// Every error is a *fault.Error.
package queue

import (
	"context"
	"time"
)

// MaxBody is the most bytes one message may carry on every queue we drive (MNS
// and SQS take 64 KiB and 256 KiB; MNS limits page, "message size").
const MaxBody = 64 << 10

// Outgoing is a message to send.
type Outgoing struct {
	Body  []byte
	Delay time.Duration // not delivered before; 0 to 7 days, drivers clamp to what their service takes
}

// Message is a message received.
type Message struct {
	ID         string
	Body       []byte
	Receipt    string    // what Extend and Delete need; new after every Extend
	Deliveries int       // how often it has been delivered, this time included; >= 1
	Sent       time.Time // when it was sent
}

// Depth says how full a queue is. The numbers of a distributed queue are estimates.
type Depth struct {
	Ready    int  // could be received now
	InFlight int  // received, not yet deleted, still invisible
	Delayed  int  // sent with a delay that has not passed
	Unknown  bool // the service does not tell: the numbers are 0 and say nothing
}

// Sender sends.
type Sender interface {
	// Send sends every message or returns an error; after an error some may
	// have been sent. A body over MaxBody is Invalid, and then none is sent.
	Send(ctx context.Context, messages ...Outgoing) error
}

// Queue receives, too.
type Queue interface {
	Sender

	// Receive returns 1 to max messages (max 1..16), waiting up to wait for
	// the first. No message in that time is an empty slice and no error. A received message
	// is invisible for the queue's visibility time.
	Receive(ctx context.Context, max int, wait time.Duration) ([]Message, error)

	// Extend makes m invisible for another d from now (0: visible at once) and returns it
	// with its new receipt; the old receipt is void. An expired or unknown
	// receipt is NotFound.
	Extend(ctx context.Context, m Message, d time.Duration) (Message, error)

	// Delete removes m. An expired or unknown receipt is NotFound.
	Delete(ctx context.Context, m Message) error

	// Depth estimates what is in the queue.
	Depth(ctx context.Context) (Depth, error)
}

// Scratch is a queue that exists from Create to Drop, as the contract makes them on a real
// service.
type Scratch interface {
	Queue

	// Create makes the queue, which hides a received message for visibility.
	Create(ctx context.Context, visibility time.Duration) error

	// Drop removes the queue and what is in it.
	Drop(ctx context.Context) error
}
