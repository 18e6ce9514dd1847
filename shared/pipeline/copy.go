package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// copyBatch copies the pending objects of a batch, many at a time, and writes the
// batch off. What could not end in this invocation goes into one retry batch. read returns
// its rows.
func copyBatch(ctx, work context.Context, r *runs.Run, t task.Task, read func() ([]ledger.Row, error)) ([]task.Task, error) {
	rows, err := read()
	if err != nil {
		return nil, err
	}
	thawing, err := r.Thawer.Look(work, rows)
	if err != nil {
		return nil, err
	}
	if thawing.Still {
		return r.Next.Thawing(ctx, t)
	}
	c := r.Copier(t)
	done := c.Batch(work, rows, t.Again())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !batching.AnyEnded(rows) && !thawing.Asked { // else these need their record, whatever the others wait for
		if next := r.Follow.CutShort(t, r.Share.State.Stops(ctx, work), c.Sides.Still()); next != nil {
			return next, nil
		}
	}
	tries, waited := batching.MostTried(rows)
	pause := max(r.Follow.Waits.Rest(tries, waited, done.Throttled || c.Sides.Blocked()), r.Follow.Waits.Thaw(thawing.Waiting))
	next, err := writeOff(ctx, r, t, rows, c.Sides.Since(), pause)
	if err != nil {
		return nil, err
	}
	r.LeavePace(ctx, t.Batch)
	if r.Share.State.Stops(ctx, work) { // what was in flight may have been stored
		next = r.Follow.Resent(next)
	}
	return next, nil
}

// writeOff writes the batch of t off, whose rows are as t left them, and returns what
// follows. The rows that did not end wait for pause; since is since when a side that they
// need has not answered. Where the write-off of a twin stands, and t is a first delivery,
// nothing follows: the twin returns it.
func writeOff(ctx context.Context, r *runs.Run, t task.Task, rows []ledger.Row, since int64, pause time.Duration) ([]task.Task, error) {
	stands, own, err := batching.WriteOff(ctx, r.Ledger.Batches(), r.Job, t.Batch, rows, batching.PauseOf(pause, since, r.Config.Now()))
	if err != nil {
		return nil, err
	}
	r.Worklog.WrittenOff(t.Batch)
	if !own && t.Fresh() {
		return nil, nil
	}
	return r.Next.AfterWriteOff(ctx, t, stands), nil
}

// followEvent brings one key to the target as the source has it now, whatever the
// notification said. What did not end goes into another batch, and what is to be
// removed to the deleting stage.
func followEvent(ctx, work context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	row, early, err := events.Row(ctx, r.Ledger.Batches(), r.Job, t.Key, t.Batch, time.Unix(t.Until, 0), r.Config.Now())
	switch {
	case err != nil:
		return nil, err
	case early > 0:
		return follow.In(early, t), nil
	}
	if r.Share.State.Standing() == ledger.Paused {
		return park(ctx, r, t, row)
	}
	c := r.Copier(t)
	row, throttled, err := events.Follow(work, c, r.Last(), row, t.Again())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case r.Share.State.Stops(ctx, work) && (err != nil || row.State == ledger.Pending):
		return r.Follow.Wait(t), nil
	case err != nil:
		return nil, err
	}
	if out := c.Sides.Still(); out != nil && row.State == ledger.Pending {
		return r.Follow.Await(t, out), nil
	}
	var rows []ledger.Row
	if row.State != "" { // else the job's filter does not choose it
		rows = append(rows, row)
	}
	tries, waited := batching.MostTried(rows)
	return writeOff(ctx, r, t, rows, c.Sides.Since(), r.Follow.Waits.Rest(tries, waited, throttled || c.Sides.Blocked()))
}

// park has the record of an event of a paused day created: the task is derived from it
// when the day is resumed. If the day was resumed before the record stood, the task
// follows at once.
func park(ctx context.Context, r *runs.Run, t task.Task, row ledger.Row) ([]task.Task, error) {
	w, err := events.Park(ctx, r.Ledger.Batches(), r.Job, t.Batch, row)
	if err != nil {
		return nil, err
	}
	if u, stopped := verdict.IsUnwanted(r.Permit.GoesOn(ctx)); stopped && u.Standing == ledger.Paused {
		r.Log.InfoContext(ctx, "event waits for the day to be resumed", "key", row.Key())
		return nil, nil
	}
	return r.Follow.AfterCopy(t, w), nil
}
