package transfer

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/random"
)

// Done is what Batch came to, beside the rows.
type Done struct {
	Redelivered bool // an earlier delivery has copied some of the batch, or may have
	Throttled   bool // an object is pending that waited for a throttle as long as it could
}

// batch is what the attempts of a batch share.
type batch struct {
	again       bool // its task was delivered before, as the queue tells
	redelivered atomic.Bool
	throttled   atomic.Bool

	marked sync.Once
	marks  string
}

// mark is what the marks of all writings of these attempts have in common: each delivery of
// the batch that short names has another.
func (b *batch) mark(short string) string {
	b.marked.Do(func() { b.marks = mark.Delivery(short, random.Mark()) })
	return b.marks
}

// Batch copies the pending ones of rows side by side and writes into each row what
// became of its object: a final state, or Pending with its tries counted. redelivered
// says that an earlier delivery may have copied some of them: then the target is
// asked for each before it is copied. Batch ends early where ctx ends, near its
// deadline, and where c.Sides is blocked by an outage; it leaves the rows of objects
// that it did not begin, or that ctx cut short, as they were. Where a side does not
// answer, pending rows have waited once more and no try is counted. Rows of objects that are Frozen are left as they are, too.
func (c *Copier) Batch(ctx context.Context, rows []ledger.Row, redelivered bool) Done {
	b := &batch{again: redelivered}
	b.redelivered.Store(redelivered)
	tries := make([]int, len(rows))
	for i := range rows {
		tries[i] = rows[i].Tries
	}
	g, gctx := errgroup.WithContext(ctx)
	more, none := context.WithCancel(gctx)
	defer none()
	q := &pending{c: c, b: b, rows: rows, none: none, ended: make(chan struct{}, 1)}
	for q.mayBegin(more) && q.acquire(more) {
		row, first := q.next()
		if row == nil {
			q.release()
			break
		}
		q.open.Add(1)
		g.Go(func() error {
			defer q.left()
			// The contexts of its requests come and go in one that is its own:
			// all in one would wait for each other.
			gctx, done := context.WithCancel(gctx)
			defer done()
			return q.copy(gctx, row, first)
		})
	}
	_ = g.Wait()           // the only error is the end of ctx
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

// mayBegin waits until fewer objects are begun than may be in flight, those that wait
// between two tries included. It reports false where ctx ends first, or an outage is found.
func (p *pending) mayBegin(ctx context.Context) bool {
	for ctx.Err() == nil && !p.c.Sides.Blocked() {
		if int(p.open.Load()) < p.c.Slots.Most() {
			return true
		}
		select {
		case <-p.ended:
		case <-ctx.Done():
		}
	}
	return false
}

// acquire waits for a stream and then for a slot, in this order: a Backoff is to have
// its slot again, which must not be held by a call that waits for a stream. It reports
// false where ctx ends first or there is no stream.
func (p *pending) acquire(ctx context.Context) bool {
	if !p.c.acquireStream(ctx) {
		return false
	}
	if p.c.Slots.Acquire(ctx) != nil {
		p.c.Share.Streams.Release()
		return false
	}
	return true
}

func (p *pending) release() {
	p.c.Slots.Release()
	p.c.Share.Streams.Release()
}

// left takes in that a goroutine that copied rows has ended.
func (p *pending) left() {
	p.open.Add(-1)
	p.wake()
}

// copy copies a row, with a stream and a slot, and then one after the other as long as
// both are reusable: to acquire them anew takes longer than a request, and the stack of a
// new goroutine would have to grow again. It releases them. The error is that of ctx.
func (p *pending) copy(ctx context.Context, row *ledger.Row, first bool) error {
	defer p.release()
	for row != nil && !p.c.Sides.Blocked() { // else the rest is handed over
		if err := p.c.copyRow(ctx, p.b, row, first); err != nil {
			return err
		}
		if !p.c.Share.Streams.Reusable() || !p.c.Slots.Reusable() {
			break
		}
		if int(p.open.Load()) < p.c.Slots.Most() {
			p.wake()
		}
		row, first = p.next()
	}
	return ctx.Err()
}

// copyRow copies the object of a row, with a stream and a slot. The first is always
// begun, or a batch would be handed on for ever. The error is that of ctx.
func (c *Copier) copyRow(ctx context.Context, b *batch, row *ledger.Row, first bool) error {
	if !first && deadline.Near(ctx, c.Pace.Estimate(bytesToCopy(*row))) {
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

// bytesToCopy is how many bytes of a row's object are to be copied.
func bytesToCopy(row ledger.Row) int64 {
	if row.Need == ledger.NeedsAttributes {
		return 0
	}
	return row.Src.Size
}

// pending copies the pending rows of a batch, in order.
type pending struct {
	c *Copier
	b *batch

	none  func()        // called when there are no more, which ends all waits for a stream
	open  atomic.Int64  // goroutines that copy some of them
	ended chan struct{} // has a value where another may begin

	mu   sync.Mutex
	rows []ledger.Row
	at   int
	any  bool
}

// wake has mayBegin look again.
func (p *pending) wake() {
	select {
	case p.ended <- struct{}{}:
	default:
	}
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
	for p.at < len(p.rows) && (p.rows[p.at].State != ledger.Pending || p.rows[p.at].Src.Frozen && p.rows[p.at].Need == "") {
		p.at++
	}
}
