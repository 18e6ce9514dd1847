// Package mem is a queue in memory. It keeps queue.Queue's contract to the
// letter and serves a laptop that does everything in one process, and every
// test. On request it behaves as badly as a real queue may: Options says how.
package mem

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

const (
	defaultVisibility = 5 * time.Minute
	maxDelay          = 7 * 24 * time.Hour
	maxReceive        = 16
)

// Options says how a queue behaves. The zero value is a good queue on the real clock.
type Options struct {
	Visibility time.Duration // how long a received message is invisible; 0 means 5 minutes
	Clock      Clock         // nil means the real one

	// The shares, 0 to 1, of messages that are treated badly, chosen by Seed.
	Seed      uint64
	Duplicate float64 // received, yet left to be received once more, as a message of its own with the same ID
	Drop      float64 // lost when sent, without an error
	Reorder   float64 // received before those that were sent earlier

	Window int // how many of those sent earliest Reorder chooses from; 0: all
}

// Queue is a queue in memory, safe for concurrent use. Sending, receiving,
// extending and deleting cost O(log n) of the messages in it.
type Queue struct {
	opts  Options
	clock Clock

	mu       sync.Mutex
	rand     *rand.Rand
	ready    fifo
	hidden   schedule
	receipts map[string]*item // of messages in flight
	serial   int64
	changed  chan struct{} // closed, and replaced, when a message gets ready or hidden
}

var _ queue.Queue = (*Queue)(nil)

// item is a message and where it is.
type item struct {
	id         string
	body       []byte
	sent       time.Time
	deliveries int
	receipt    string    // not empty while in flight
	due        time.Time // when it gets ready, while hidden
	index      int       // in the schedule, while hidden
	twin       bool      // a duplicate, which is not duplicated again
}

// New returns an empty queue.
func New(o Options) *Queue {
	if o.Visibility <= 0 {
		o.Visibility = defaultVisibility
	}
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	return &Queue{
		opts: o, clock: o.Clock, rand: rand.New(rand.NewPCG(o.Seed, ^o.Seed)),
		receipts: map[string]*item{}, changed: make(chan struct{}),
	}
}

// Send implements queue.Sender. Delays are clamped to 0 to 7 days.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	if err := alive(ctx, "mem.Send"); err != nil {
		return err
	}
	for _, m := range messages {
		if len(m.Body) > queue.MaxBody {
			return fault.New(fault.Invalid, "mem.Send", "", fmt.Errorf("a message of %d bytes, at most %d can be sent", len(m.Body), queue.MaxBody))
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	for _, m := range messages {
		q.serial++
		it := &item{id: "m" + strconv.FormatInt(q.serial, 10), body: slices.Clone(m.Body), sent: now}
		if q.chance(q.opts.Drop) {
			continue
		}
		if delay := min(max(m.Delay, 0), maxDelay); delay > 0 {
			q.hide(it, now.Add(delay))
		} else {
			q.ready.push(it)
		}
	}
	q.wake()
	return nil
}

// Receive implements queue.Queue. A max outside 1..16 is Invalid.
func (q *Queue) Receive(ctx context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	if max < 1 || max > maxReceive {
		return nil, fault.New(fault.Invalid, "mem.Receive", "", fmt.Errorf("asked for %d messages, want 1 to %d", max, maxReceive))
	}
	until := q.clock.Now().Add(wait)
	for {
		if err := alive(ctx, "mem.Receive"); err != nil {
			return nil, err
		}
		got, changed, next := q.take(max, until)
		if len(got) > 0 || next.IsZero() {
			return got, nil
		}
		ring, stop := q.clock.Alarm(next)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-ring:
		}
		stop()
	}
}

// take receives what is ready. If nothing is, it says what to wait for: a
// change, or the moment at which something gets ready by itself or until has
// come. The moment is zero if until has come already.
func (q *Queue) take(max int, until time.Time) ([]queue.Message, <-chan struct{}, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	n := min(max, q.ready.len())
	if n == 0 {
		if !until.After(now) {
			return nil, nil, time.Time{}
		}
		if due, ok := q.hidden.next(); ok && due.Before(until) {
			until = due
		}
		return nil, q.changed, until
	}
	got := make([]queue.Message, 0, n)
	for range n {
		if q.chance(q.opts.Reorder) {
			n := q.ready.len()
			if q.opts.Window > 0 {
				n = min(n, q.opts.Window)
			}
			q.ready.front(q.rand.IntN(n))
		}
		it := q.ready.pop()
		it.deliveries++
		if !it.twin && q.chance(q.opts.Duplicate) {
			twin := *it
			twin.twin = true
			q.ready.push(&twin)
		}
		q.hand(it, now.Add(q.opts.Visibility))
		got = append(got, it.message())
	}
	q.wake() // those who wait have a new time to wait for
	return got, nil, time.Time{}
}

func (it *item) message() queue.Message {
	return queue.Message{ID: it.id, Body: slices.Clone(it.body), Receipt: it.receipt, Deliveries: it.deliveries, Sent: it.sent}
}

// Extend implements queue.Queue. A negative d is Invalid.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	if err := alive(ctx, "mem.Extend"); err != nil {
		return queue.Message{}, err
	}
	if d < 0 {
		return queue.Message{}, fault.New(fault.Invalid, "mem.Extend", m.ID, fmt.Errorf("extended by %v, want 0 or more", d))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	it, err := q.release(m, "mem.Extend")
	if err != nil {
		return queue.Message{}, err
	}
	q.hand(it, q.clock.Now().Add(d))
	m.Receipt = it.receipt
	q.wake()
	return m, nil
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	if err := alive(ctx, "mem.Delete"); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	_, err := q.release(m, "mem.Delete")
	return err
}

// Depth implements queue.Queue. Its numbers are exact.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	if err := alive(ctx, "mem.Depth"); err != nil {
		return queue.Depth{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promote()
	flying := len(q.receipts)
	return queue.Depth{Ready: q.ready.len(), InFlight: flying, Delayed: q.hidden.Len() - flying}, nil
}

// Next says when the next hidden message gets ready, false if none is hidden.
// A test on a clock of its own may then jump there.
func (q *Queue) Next() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.hidden.next()
}

// Hurry makes every delayed message ready now: what it waited for has happened,
// and the process that shares this queue's memory knows.
func (q *Queue) Hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	var flying []*item
	for _, it := range q.hidden.items {
		if it.receipt != "" {
			flying = append(flying, it)
		} else {
			q.ready.push(it)
		}
	}
	q.hidden.items = nil
	for _, it := range flying {
		q.hidden.add(it)
	}
	q.wake()
}

// promote makes ready what is due and returns the time by which it was. A
// receipt ends with the time it was good for.
func (q *Queue) promote() time.Time {
	now := q.clock.Now()
	for {
		due, ok := q.hidden.next()
		if !ok || due.After(now) {
			return now
		}
		it := q.hidden.remove(0)
		delete(q.receipts, it.receipt)
		it.receipt = ""
		q.ready.push(it)
	}
}

// hand puts it in flight until due, under a new receipt.
func (q *Queue) hand(it *item, due time.Time) {
	q.serial++
	it.receipt = it.id + "-" + strconv.FormatInt(q.serial, 10)
	q.receipts[it.receipt] = it
	q.hide(it, due)
}

func (q *Queue) hide(it *item, due time.Time) {
	it.due = due
	q.hidden.add(it)
}

// release takes out of flight the message that m's receipt is good for.
func (q *Queue) release(m queue.Message, op string) (*item, error) {
	q.promote()
	it, ok := q.receipts[m.Receipt]
	if !ok {
		return nil, fault.New(fault.NotFound, op, m.ID, fmt.Errorf("the receipt %q is unknown or has expired", m.Receipt))
	}
	delete(q.receipts, it.receipt)
	return q.hidden.remove(it.index), nil
}

// wake lets every waiting Receive look again.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *Queue) chance(rate float64) bool { return rate > 0 && q.rand.Float64() < rate }

func alive(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Temporary, op, "", err)
	}
	return nil
}
