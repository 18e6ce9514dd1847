// Package transfer copies objects: it reads rows and returns what became of them.
// It knows neither runs nor tasks, and reads and writes no records. What went wrong
// with an object stands in its row.
//
//	batch.go     Batch: the rows of a batch, side by side
//	object.go    one object, from one GET to one PUT
//	target.go    what the target holds under its key, before and during the PUT
//	prove.go     an object that the target held before, read there
//	attributes.go  an object whose attributes alone are set
//	failure.go   what becomes of a try that failed
//	begin.go     Begin: opens the upload of an object that goes in parts; Abort
//	cuts.go      where its parts begin
//	parts.go     Parts: some of its parts, side by side, each from one GET to one PUT
//	unfit.go     Unfit: whether an upload is of no use any more
//	complete.go  Complete: checks the parts as a whole, then makes the object of them
//	guard.go     the body of a PUT, whose last byte is held back until the object is found wanted still
package transfer

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Copier copies objects for one task. It is safe for concurrent use.
type Copier struct {
	Source    store.Source
	Target    store.Writer // speaks source keys
	Rules     *verdict.Rules
	Versioned bool // the target ignores conditional PUTs
	// Events has Writable asked before the last byte of every object and part leaves:
	// events of a key may end, or its job change, while it is copied.
	Events bool
	Mark   string      // what names the batch of the task in the marks of what it writes
	Clock  *mark.Clock // of the target; nil: marks do not tell the time

	Share  *limit.Share // of what bounds all processes of the run
	Slots  *limit.AIMD
	Bodies *limit.Memory // nil: any number of bytes
	Pace   *limit.Pace
	Sides  *outage.Tracker // of the task

	// Writable asks whether o is still to be written. The error is an
	// *verdict.Unwanted where it is not.
	Writable func(ctx context.Context, o store.Object) error
	Watch    func(Progress)
	Quick    time.Duration // before the second try of an object, doubling after
	Now      func() time.Time
	Log      *slog.Logger
}

// Kind says what happened.
type Kind string

const (
	Settled    Kind = "settled"     // Row reached a final state
	Caught     Kind = "caught"      // a fault was met and dealt with: Key, Err
	Slowed     Kind = "slowed"      // a service asked to slow down: Key, Err
	PartCopied Kind = "part copied" // Bytes of an object that goes in parts were copied: Key
)

// Progress is something that happened to an object.
type Progress struct {
	Kind  Kind
	Key   string
	Row   ledger.Row
	Bytes int64
	Err   error
}

// Tries is how often an object is tried in one delivery; with the job's attempts
// this gives the tries in all.
const Tries = 3

// maxThrottles is how often an object waits for a throttle within one delivery.
const maxThrottles = 20

// MaxThrottledDeliveries is in how many deliveries, together most of a day, an
// object waits for a throttle before a throttle spends a try: a run always ends.
const MaxThrottledDeliveries = 50

// acquireStream waits for a stream of this process's share. It reports false
// where there is none before ctx ends or the outcome is to be written.
func (c *Copier) acquireStream(ctx context.Context) bool {
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	return c.Share.Streams.Acquire(ctx)
}

// caught reports a fault that was met and dealt with.
func (c *Copier) caught(key string, err error) {
	c.Watch(Progress{Kind: Caught, Key: key, Err: err})
}

// throttled takes in that a request that began at that time was refused for load, for
// the n-th time in this delivery of an object or a part, and returns how long to wait.
func (c *Copier) throttled(key string, began time.Time, n int, err error) time.Duration {
	c.Slots.Throttled(began, fault.WaitOf(err))
	c.Watch(Progress{Kind: Slowed, Key: key, Err: err})
	return max(fault.WaitOf(err), min(c.Quick<<min(n, 8), maxThrottleWait))
}

// maxThrottleWait bounds a wait for a throttle where the service does not say for how long.
const maxThrottleWait = 30 * time.Second
