package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/transfer"
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
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	c := r.transfer(t)
	done := c.Batch(work, rows, t.Again())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch out := c.Sides.Still(); {
	case anyEnded(rows): // these need their record, whatever the others wait for
	case halted(ctx, work):
		return r.wait(t), nil
	case out != nil:
		return r.await(t, out), nil
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w.Since = c.Sides.Since()
	if w, err = r.end(ctx, t, w, r.restPause(w, rows, done.Throttled || c.Sides.Blocked())); err != nil {
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

// end writes the batch of t off and returns the write-off that stands. Its rest waits
// for pause, until a time that the record has, so that a second delivery of the batch
// returns it with the same wait. Where the write-off of a twin stands, and t is a first
// delivery, the rest is left out: the twin returns it.
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

// first reports whether t is the first delivery of a message that is no repeated try
// and has not waited, as far as its queue tells. Any other may have created its outcome
// before, and then failed. An outcome that a first delivery finds is that of a twin,
// which has sent what follows, or sends it when it is delivered again: if both sent it,
// two chains of tasks would do the same from then on.
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

// restPause returns how long the retry of a batch waits: not at all if it was merely
// handed over, else as long as the most tried of its rows asks for, or the one that
// has waited most often. waits says that a row waits for a side or a throttle.
func (r *run) restPause(w ledger.WriteOff, rows []ledger.Row, waits bool) time.Duration {
	mostTries, mostWaits := 0, 0
	for _, row := range rows {
		if row.State == ledger.Pending || row.Then == ledger.Look {
			mostTries, mostWaits = max(mostTries, row.Tries), max(mostWaits, row.Waits)
		}
	}
	if len(w.Rest) == 0 || mostTries == 0 && !waits {
		return 0
	}
	return r.delay(max(mostTries/transfer.Tries, mostWaits-1))
}

// anyEnded reports whether any row of a batch is final, also from the beginning.
func anyEnded(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(row ledger.Row) bool { return row.State != ledger.Pending })
}

// transfer returns the Copier of the objects that t is for.
func (r *run) transfer(t task.Task) *transfer.Copier {
	return &transfer.Copier{
		Source: r.src, Target: r.dst, Rules: &r.rules, Versioned: r.start.Versioned, Events: r.start.Events,
		Share: r.share, Slots: r.slots, Pace: r.pace, Sides: r.tracker(t, outage.InARow), Writable: r.writable,
		Watch: func(p transfer.Progress) {
			r.config.Watch(Progress{Kind: p.Kind, Key: p.Key, Row: p.Row, Bytes: p.Bytes, Err: p.Err})
		},
		Quick: r.config.Quick, Now: r.config.Now, Log: r.log,
	}
}
