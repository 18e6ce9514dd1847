package pipeline

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/task"
)

// copier copies the rows of one batch.
type copier struct {
	run       *run
	sides     *outage.Tracker
	again     atomic.Bool // an earlier delivery may have copied some of it; not every platform tells
	throttled atomic.Bool // something is left that waited for a throttle as long as it could
}

func newCopier(r *run, t task.Task) *copier {
	return &copier{run: r, sides: r.tracker(t, outage.InARow)}
}

// anyEnded reports whether any row of a batch is final, also from the beginning.
func anyEnded(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(row ledger.Row) bool { return row.State != ledger.Pending })
}

// all brings every pending row as far as it goes, until work ends: then those
// in flight are cut short, and stay as they were. An error means that the
// invocation itself ended. The goroutines are as many as objects may be in
// flight and not one for each object: a new one's stack would have to grow again.
func (c *copier) all(ctx, work context.Context, rows []ledger.Row) error {
	tries := make([]int, len(rows))
	for i := range rows {
		tries[i] = rows[i].Tries
	}
	g, gctx := errgroup.WithContext(work)
	more, none := context.WithCancel(gctx)
	defer none()
	q := &pending{rows: rows, none: none}
	for range min(c.run.job.Limits.Parallel, len(rows)) {
		g.Go(func() error {
			// The contexts of its requests come and go in one that is its own:
			// all in one would wait for each other.
			gctx, done := context.WithCancel(gctx)
			defer done()
			return c.some(gctx, more, q)
		})
	}
	if err := g.Wait(); err != nil && !halted(ctx, work) {
		return err
	}
	if c.sides.Blocked() { // what was not served before that was known has waited, too
		for i := range rows {
			if rows[i].State == ledger.Pending {
				rows[i].Tries = tries[i]
				rows[i].Waits++
			}
		}
	}
	return ctx.Err()
}

// some brings one row after the other as far as it goes, until there are none
// or more ends. It uses its stream and its slot for one after the other while it
// may: waiting for others takes longer than a request.
func (c *copier) some(ctx, more context.Context, q *pending) error {
	held := false
	release := func() {
		if held {
			c.run.slots.Release()
			c.run.share.Streams.Release()
			held = false
		}
	}
	defer release()
	for ctx.Err() == nil && !c.sides.Blocked() { // else the rest is handed over
		if !c.run.share.Streams.Reusable() || !c.run.slots.Reusable() {
			release()
		}
		if !held {
			if !c.run.acquireStream(more) {
				break
			}
			// After the stream and not before: a Backoff is to have its slot again,
			// which must not be held by a call that waits for a stream.
			if c.run.slots.Acquire(more) != nil {
				c.run.share.Streams.Release()
				break
			}
			held = true
		}
		row, first := q.next()
		if row == nil {
			break
		}
		if err := c.one(ctx, row, first); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// one brings a row as far as it goes, with a stream and a slot. The first is
// always begun, or a batch would be handed on for ever.
func (c *copier) one(ctx context.Context, row *ledger.Row, first bool) error {
	if !first && deadline.Near(ctx, c.run.pace.Estimate(row.Src.Size)) {
		return nil // handed over, without spending a try
	}
	octx, cancel := deadline.Reserve(ctx)
	defer cancel()
	now := c.object(octx, *row)
	if ctx.Err() != nil && (now.State == ledger.Pending || now.State == ledger.Failed) {
		return ctx.Err() // that was no try of it
	}
	if *row = now; row.State != ledger.Pending {
		c.run.config.Watch(Event{Kind: Settled, Key: row.Key(), Row: *row})
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

// next returns the next row, nil behind the last; first says that it is that.
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

// skip goes to the next row that is to be copied.
func (p *pending) skip() {
	for p.at < len(p.rows) && p.rows[p.at].State != ledger.Pending {
		p.at++
	}
}
