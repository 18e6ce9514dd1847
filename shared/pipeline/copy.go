package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// copy copies the pending objects of a batch, many at a time, and writes the
// batch off. What could not end in this invocation goes into one retry batch.
func (r *run) copy(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterCopy(t, w), err
	}
	rows, err := r.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	c := &copier{run: r}
	c.again.Store(t.Again())
	work, done := r.limits.course.under(ctx)
	defer done()
	if err := c.all(ctx, work, rows); err != nil {
		return nil, err
	}
	if halted(ctx, work) && !anyEnded(rows) {
		return r.wait(t), nil
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	if w, err = r.WriteOff(ctx, t.Batch, w); err != nil {
		return nil, err
	}
	r.notePace(ctx)
	next := r.later(r.afterCopy(t, w), c.pause(w, rows))
	if halted(ctx, work) { // what was in flight may have been stored
		next = resent(next, r.Now())
	}
	return next, nil
}

// later has tasks wait for d, but for those that remove: the sooner the better.
func (r *run) later(next []task.Task, d time.Duration) []task.Task {
	for i := range next {
		if next[i].Kind != task.Remove {
			next[i].Delay = d
		}
	}
	return next
}

// afterCopy returns what follows from a write-off: what takes the rest.
func (r *run) afterCopy(t task.Task, w ledger.WriteOff) []task.Task {
	var next []task.Task
	for _, b := range w.Rest {
		again := r.copyTask(t.Shard, b)
		if t.Kind == task.Delete {
			again.Kind = task.Delete
		}
		next = append(next, again)
	}
	return next
}

// split parts rows into those that ended and those that other batches take,
// whose rows are sealed before the write-off names them: one batch, one of what
// is to be removed first, and one each for objects that go in parts.
func (r *run) split(ctx context.Context, batch string, rows []ledger.Row) (ledger.WriteOff, error) {
	var w ledger.WriteOff
	var rest, remove []ledger.Row
	seal := func(how ledger.BatchRef, rows ...ledger.Row) error {
		if len(rows) == 0 {
			return nil
		}
		how.ID, how.First, how.Last = retryOf(batch), rows[0].Key(), rows[len(rows)-1].Key()
		how.Rows, how.Pending, how.Bytes = len(rows), len(rows), sizes(rows)
		w.Rest = append(w.Rest, how)
		return r.Seal(ctx, how.ID, rows)
	}
	for _, row := range rows {
		switch {
		case row.Then == ledger.Remove:
			remove = append(remove, row)
		case row.Then == ledger.Look:
			rest = append(rest, row)
		case row.State != ledger.Pending:
			w.Rows = append(w.Rows, row)
		case r.inParts(row):
			if err := seal(ledger.BatchRef{Parts: true}, row); err != nil {
				return w, err
			}
		default:
			rest = append(rest, row)
		}
	}
	if err := seal(ledger.BatchRef{Remove: true}, remove...); err != nil {
		return w, err
	}
	return w, seal(ledger.BatchRef{}, rest...)
}

// retryOf names the retry of a batch: the batch it came from, a number, and
// eight characters of this delivery's own.
func retryOf(batch string) string {
	base, tail, _ := strings.Cut(batch, ".")
	n := 0
	if len(tail) > 8 {
		n, _ = strconv.Atoi(tail[:len(tail)-8])
	}
	return fmt.Sprintf("%s.%d%s", base, n+1, ledger.Nonce())
}

// copier copies the rows of one batch.
type copier struct {
	*run
	again atomic.Bool // an earlier delivery may have copied some of it; not every platform tells

	refusals  [2]atomic.Int32 // refusals in a row, by side
	probing   sync.Mutex
	blocked   atomic.Bool // a whole bucket refuses: what is left waits
	throttled atomic.Bool // something is left that waited for a throttle as long as it could
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
	for range min(c.job.Limits.Parallel, len(rows)) {
		g.Go(func() error {
			for !c.blocked.Load() && c.limits.turns.take(more) { // else the rest is handed over
				row, first := q.next()
				if row == nil {
					c.limits.turns.give()
					return nil
				}
				if err := c.one(gctx, row, first); err != nil {
					return err
				}
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil && !halted(ctx, work) {
		return err
	}
	if c.blocked.Load() { // what was refused before that was known has waited, too
		for i := range rows {
			if rows[i].State == ledger.Pending {
				rows[i].Tries = tries[i]
				rows[i].Waits++
			}
		}
	}
	return ctx.Err()
}

// one brings a row that has its turn as far as it goes. The first is always
// begun, or a batch would be handed on for ever.
func (c *copier) one(ctx context.Context, row *ledger.Row, first bool) error {
	defer c.limits.turns.give()
	// Here and not before: those who rest come back to their places, which
	// must not be held by one who waits for the group.
	if err := c.slots.Acquire(ctx); err != nil {
		return err
	}
	defer c.slots.Release()
	if !first && late(ctx, c.pace.need(row.Src.Size)) {
		return nil // handed over, without spending a try
	}
	octx := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		octx, cancel = context.WithDeadline(ctx, deadline.Add(-margin*2/3))
		defer cancel()
	}
	now := c.object(octx, *row)
	if ctx.Err() != nil && (now.State == ledger.Pending || now.State == ledger.Failed) {
		return ctx.Err() // that was no try of it
	}
	if *row = now; row.State != ledger.Pending {
		c.Watch(Event{Kind: Settled, Key: row.Key(), Row: *row})
	}
	return ctx.Err()
}

// pending hands out the pending rows of a batch, in order.
type pending struct {
	none func() // called when there are no more, so that nobody waits for a turn in vain

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

// pause returns how long the retry of a batch waits: not at all if it was
// merely handed over, else as long as the most tried of its rows asks for, or
// the one that has waited most often.
func (c *copier) pause(w ledger.WriteOff, rows []ledger.Row) time.Duration {
	tries, waits := 0, 0
	for _, row := range rows {
		if row.State == ledger.Pending {
			tries, waits = max(tries, row.Tries), max(waits, row.Waits)
		}
	}
	switch {
	case len(w.Rest) == 0, tries == 0 && !c.blocked.Load() && !c.throttled.Load():
		return 0
	}
	return c.delay(max(tries/quickTries, waits-1))
}

// side is one of the two buckets.
type side int

const (
	source side = iota
	target
)

// refused notes that side denied an object. Three in a row are looked into: if
// the bucket denies a listing too, the trouble is with the whole, and refused
// reports true.
func (c *copier) refused(ctx context.Context, s side) bool {
	if c.refusals[s].Add(1) < 3 {
		return c.blocked.Load()
	}
	c.probing.Lock()
	defer c.probing.Unlock()
	if c.blocked.Load() {
		return true
	}
	var from store.Source = c.src
	if s == target {
		from = c.dst
	}
	if c.shut(ctx, from) {
		c.blocked.Store(true)
	}
	c.refusals[s].Store(0)
	return c.blocked.Load()
}

// shut reports whether a whole bucket refuses to be listed.
func (r *run) shut(ctx context.Context, bucket store.Source) bool {
	for _, err := range bucket.List(ctx, r.start.Root.Range) {
		if fault.KindOf(err) == fault.Denied {
			r.log.WarnContext(ctx, "bucket denied, waiting", "kind", task.Copy, "fault", fault.Denied, "err", err)
			r.Watch(Event{Kind: Caught, Err: err})
			return true
		}
		break
	}
	return false
}

// denied reports whether either bucket refuses as a whole.
func (r *run) denied(ctx context.Context) bool { return r.shut(ctx, r.src) || r.shut(ctx, r.dst) }

// allowed notes that side served an object.
func (c *copier) allowed(s side) { c.refusals[s].Store(0) }
