package transfer

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
)

// Done is what Batch came to, beside the rows.
type Done struct {
	Redelivered bool // an earlier delivery has copied some of the batch, or may have
	Throttled   bool // an object is pending that waited for a throttle as long as it could
}

// batch is what the attempts of a batch share.
type batch struct {
	redelivered atomic.Bool
	throttled   atomic.Bool
}

// Batch copies the pending ones of rows side by side and writes into each row what
// became of its object: a final state, or Pending with its tries counted. redelivered
// says that an earlier delivery may have copied some of them: then the target is
// asked for each before it is copied. Batch ends early where ctx ends, near its
// deadline, and where c.Sides is blocked by an outage; it leaves the rows of objects
// that it did not begin, or that ctx cut short, as they were. Where a side does not
// answer, pending rows have waited once more and no try is counted.
func (c *Copier) Batch(ctx context.Context, rows []ledger.Row, redelivered bool) Done {
	b := &batch{}
	b.redelivered.Store(redelivered)
	tries := make([]int, len(rows))
	for i := range rows {
		tries[i] = rows[i].Tries
	}
	g, gctx := errgroup.WithContext(ctx)
	more, none := context.WithCancel(gctx)
	defer none()
	q := &pending{rows: rows, none: none}
	// The goroutines are as many as objects may be in flight and not one for each
	// object: the stack of a new one would have to grow again.
	for range min(c.Rules.Job.Limits.Parallel, len(rows)) {
		g.Go(func() error {
			// The contexts of its requests come and go in one that is its own:
			// all in one would wait for each other.
			gctx, done := context.WithCancel(gctx)
			defer done()
			return c.copyPending(gctx, more, b, q)
		})
	}
	_ = g.Wait()           // it fails where ctx ends, and then alone
	if c.Sides.Blocked() { // objects that failed before the outage was found have waited, too
		for i := range rows {
			if rows[i].State == ledger.Pending {
				rows[i].Tries = tries[i]
				rows[i].Waits++
			}
		}
	}
	return Done{Redelivered: b.redelivered.Load(), Throttled: b.throttled.Load()}
}

// copyPending copies one row after the other until there are none or more ends. It
// keeps its stream and its slot from one to the next as long as both are reusable:
// to acquire them anew takes longer than a request. The error is that of ctx.
func (c *Copier) copyPending(ctx, more context.Context, b *batch, q *pending) error {
	held := false
	release := func() {
		if held {
			c.Slots.Release()
			c.Share.Streams.Release()
			held = false
		}
	}
	defer release()
	for ctx.Err() == nil && !c.Sides.Blocked() { // else the rest is handed over
		if !c.Share.Streams.Reusable() || !c.Slots.Reusable() {
			release()
		}
		if !held {
			if !c.acquireStream(more) {
				break
			}
			// After the stream and not before: a Backoff is to have its slot again,
			// which must not be held by a call that waits for a stream.
			if c.Slots.Acquire(more) != nil {
				c.Share.Streams.Release()
				break
			}
			held = true
		}
		row, first := q.next()
		if row == nil {
			break
		}
		if err := c.copyRow(ctx, b, row, first); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// copyRow copies the object of a row, with a stream and a slot. The first is always
// begun, or a batch would be handed on for ever. The error is that of ctx.
func (c *Copier) copyRow(ctx context.Context, b *batch, row *ledger.Row, first bool) error {
	if !first && deadline.Near(ctx, c.Pace.Estimate(row.Src.Size)) {
		return nil // handed over, without spending a try
	}
	octx, cancel := deadline.Reserve(ctx)
	defer cancel()
	now := c.copyObject(octx, b, *row)
	if ctx.Err() != nil && (now.State == ledger.Pending || now.State == ledger.Failed) {
		return ctx.Err() // that was no try of it
	}
	if *row = now; row.State != ledger.Pending {
		c.Watch(Progress{Kind: Settled, Key: row.Key(), Row: *row})
	}
	return ctx.Err()
}

// pending hands out the pending rows of a batch, in order.
type pending struct {
	none func() // called when there are no more, which ends all waits for a stream

	mu   sync.Mutex
	rows []ledger.Row
	at   int
	any  bool
}

// next returns the next row, nil behind the last; first reports whether it is the
// first that next returns.
func (p *pending) next() (row *ledger.Row, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.skip(); p.at == len(p.rows) {
		p.none()
		return nil, false
	}
	row, first = &p.rows[p.at], !p.any
	p.at, p.any = p.at+1, true
	if p.skip(); p.at == len(p.rows) {
		p.none()
	}
	return row, first
}

// skip moves on to the next pending row, or behind the last.
func (p *pending) skip() {
	for p.at < len(p.rows) && p.rows[p.at].State != ledger.Pending {
		p.at++
	}
}
