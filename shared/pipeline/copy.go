package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// copy copies the pending objects of a batch, many at a time, and writes the
// batch off. What could not end in this invocation goes into one retry batch.
func (r *run) copy(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	c := newCopier(r, t)
	c.again.Store(t.Again())
	work, done := r.share.State.UntilHalted(ctx)
	defer done()
	if err := c.all(ctx, work, rows); err != nil {
		return nil, err
	}
	switch out := c.sides.Still(); {
	case anyEnded(rows):
	case halted(ctx, work):
		return r.wait(t), nil
	case out != nil:
		return r.await(t, out), nil
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w.Since = c.sides.Since()
	if w, err = r.end(ctx, t, w, c.pause(w, rows)); err != nil {
		return nil, err
	}
	if r.start.Deployed {
		if err := r.pace.Save(ctx, r.ledger, r.config.Now()); err != nil {
			r.log.DebugContext(ctx, "pace not left", "fault", fault.KindOf(err), "err", err)
		}
	}
	next := r.afterCopy(t, w)
	if halted(ctx, work) { // what was in flight may have been stored
		next = resent(next, r.config.Now())
	}
	return next, nil
}

// end writes the batch of t off and returns the write-off that stands. The rest
// waits for pause: the record says until when, so that a second delivery of the
// batch lets it wait for as long. Where another was faster, and t is a twin, the
// rest is the other's to send.
func (r *run) end(ctx context.Context, t task.Task, w ledger.WriteOff, pause time.Duration) (ledger.WriteOff, error) {
	if len(w.Rest) > 0 && pause > 0 {
		w.Until = r.config.Now().UTC().Add(pause)
	}
	stands, err := r.ledger.WriteOff(ctx, t.Batch, w)
	own := len(stands.Rest) == 0 || len(w.Rest) > 0 && w.Rest[0].ID == stands.Rest[0].ID
	if err == nil && !own && first(t) {
		stands.Rest = nil
	}
	return stands, err
}

// first reports whether t is the first delivery of a message that is no repeated
// try and has not waited, as far as its queue tells: a message before it may have
// ended with an outcome, and without an answer that says so. An outcome that such a task finds there is that
// of a twin, which has sent what follows, or is delivered again and does: if both
// sent it, two chains of tasks would do the same from then on.
func first(t task.Task) bool { return t.Deliveries == 1 && t.Attempt == 0 && t.Waits == 0 }

// afterOther returns what follows from a write-off that t found there.
func (r *run) afterOther(t task.Task, w ledger.WriteOff) []task.Task {
	if first(t) {
		return nil
	}
	return r.afterCopy(t, w)
}

// afterCopy returns what follows from a write-off: what takes the rest, after
// what is left of the pause that the record names. A task that removes does not
// wait: the sooner the better.
func (r *run) afterCopy(t task.Task, w ledger.WriteOff) []task.Task {
	pause := time.Duration(0)
	if !w.Until.IsZero() {
		pause = max(0, w.Until.Sub(r.config.Now()))
	}
	var next []task.Task
	for _, b := range w.Rest {
		again := r.copyTask(t.Shard, b)
		if t.Kind == task.Delete {
			again.Kind = task.Delete
		}
		if again.Kind != task.Remove {
			again.Delay, again.Since = pause, w.Since
		}
		next = append(next, again)
	}
	return next
}

// split parts rows into those that ended and those that other batches take,
// whose rows are sealed before the write-off names them: one batch, one of what
// is to be removed first, and one each for objects that go in parts.
func (r *run) split(ctx context.Context, batch string, rows []ledger.Row) (ledger.WriteOff, error) {
	w := ledger.WriteOff{Rows: make([]ledger.Row, 0, len(rows))} // nearly all end
	var rest, remove []ledger.Row
	seal := func(how ledger.BatchRef, rows ...ledger.Row) error {
		if len(rows) == 0 {
			return nil
		}
		how.ID, how.First, how.Last = retryOf(batch), rows[0].Key(), rows[len(rows)-1].Key()
		how.Rows, how.Pending, how.Bytes = len(rows), len(rows), sizes(rows)
		w.Rest = append(w.Rest, how)
		return r.ledger.Seal(ctx, how.ID, rows)
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

// pause returns how long the retry of a batch waits: not at all if it was
// merely handed over, else as long as the most tried of its rows asks for, or
// the one that has waited most often.
func (c *copier) pause(w ledger.WriteOff, rows []ledger.Row) time.Duration {
	tries, waits := 0, 0
	for _, row := range rows {
		if row.State == ledger.Pending || row.Then == ledger.Look {
			tries, waits = max(tries, row.Tries), max(waits, row.Waits)
		}
	}
	switch {
	case len(w.Rest) == 0, tries == 0 && !c.sides.Blocked() && !c.throttled.Load():
		return 0
	}
	return c.run.delay(max(tries/quickTries, waits-1))
}
