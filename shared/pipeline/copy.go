package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// copy copies the pending objects of a batch, many at a time, and writes the
// batch off. What could not end in this invocation goes into one retry batch. read returns
// its rows.
func (r *run) copy(ctx context.Context, t task.Task, read func() (batching.Held, error)) ([]task.Task, error) {
	learned := readahead.Begin(func() (struct{}, error) { learn(ctx, r); return struct{}{}, nil })
	h, err := read()
	_, _ = learned()
	if err != nil {
		return nil, err
	}
	rows := h.Rows
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	thawing, err := r.thawer.Look(work, rows)
	if err != nil {
		return nil, err
	}
	if thawing.Still {
		return stillThawing(ctx, r, t)
	}
	c := r.copier(t)
	done := c.Batch(work, rows, t.Again())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch out := c.Sides.Still(); {
	case batching.AnyEnded(rows), thawing.Asked: // these need their record, whatever the others wait for
	case halted(ctx, work):
		return r.follow.Wait(t), nil
	case out != nil:
		return r.follow.Await(t, out), nil
	}
	tries, waited := batching.MostTried(rows)
	pause := max(r.follow.Waits.Rest(tries, waited, done.Throttled || c.Sides.Blocked()), r.follow.Waits.Thaw(thawing.Waiting))
	next, err := r.writeOff(ctx, t, rows, c.Sides.Since(), pause)
	if err != nil {
		return nil, err
	}
	found := r.slots.Found()
	r.log.DebugContext(ctx, "batch copied", "batch", t.Batch, "inFlight", r.slots.Most(), "best", found)
	if r.start.Deployed || found > 0 {
		if err := r.pace.Save(ctx, r.ledger, found, r.config.Now()); err != nil {
			r.log.DebugContext(ctx, "pace not left", "fault", fault.KindOf(err), "err", err)
		}
	}
	if halted(ctx, work) { // what was in flight may have been stored
		next = r.follow.Resent(next)
	}
	return next, nil
}

// learn has the slots begin with as many as another process of the run, or an earlier one,
// found to be best. It reads that once.
func learn(ctx context.Context, r *run) {
	if r.job.Limits.Parallel != job.AutoParallel {
		return
	}
	r.learns.Do(func() {
		switch p, err := live.ReadPace(ctx, r.ledger.Folder()); {
		case err == nil:
			r.slots.Begin(p.InFlight)
		case !ledger.Missing(err): // it begins as the first did, which suffices
			r.log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err)
		}
	})
}

// stillThawing returns t once more, later: all its objects are being restored. A note
// tells that, for the run does not stand still.
func stillThawing(ctx context.Context, r *run, t task.Task) ([]task.Task, error) {
	if err := progress.WriteThawing(ctx, r.ledger); err != nil {
		return nil, err
	}
	return r.follow.Wait(t), nil
}

// writeOff writes the batch of t off, whose rows are as it left them, and returns what
// follows. The rows that did not end are sealed as other batches before the write-off
// names them. They wait for pause, until a time that the record has, so that a second
// delivery of the batch returns them with the same wait; since is since when a side that
// they need has not answered. Where the write-off of a twin stands, and t is a first
// delivery, nothing follows: the twin returns it.
func (r *run) writeOff(ctx context.Context, t task.Task, rows []ledger.Row, since int64, pause time.Duration) ([]task.Task, error) {
	w, err := batching.WriteOff(ctx, r.ledger.Batches(), r.job, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w.Since = since
	if len(w.Rest) > 0 && pause > 0 {
		w.Until = r.config.Now().UTC().Add(pause)
	}
	stands, err := r.ledger.Batches().CreateWriteOff(ctx, t.Batch, w)
	if err != nil {
		return nil, err
	}
	r.worklog.WrittenOff(t.Batch)
	own := len(stands.Rest) == 0 || len(w.Rest) > 0 && w.Rest[0].ID == stands.Rest[0].ID
	if !own && t.Fresh() {
		return nil, nil
	}
	return r.next.AfterWriteOff(ctx, t, stands), nil
}

// event brings one key to the target as the source has it now, whatever the
// notification said. What did not end goes into another batch, and what is to be
// removed to the deleting stage.
func (r *run) event(ctx context.Context, t task.Task) ([]task.Task, error) {
	var row ledger.Row
	var err error
	if until := time.Unix(t.Until, 0); t.Key != "" {
		if row, err = events.Notified(r.job, t.Key, t.Batch, until); err != nil {
			return nil, err
		}
		if early := events.Early(until, r.config.Now()); early > 0 {
			t.Delay = early
			t.Waits++
			return []task.Task{t}, nil
		}
	} else if row, err = events.HandedOn(ctx, r.ledger.Batches(), t.Batch); err != nil {
		return nil, err
	}
	if r.share.State.Standing() == ledger.Paused {
		return park(ctx, r, t, row)
	}
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	c := r.copier(t)
	row, throttled, err := events.Follow(work, c, lastOf(r), row, t.Again())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case stopped(ctx, work, &r.share.State) && (err != nil || row.State == ledger.Pending):
		return r.follow.Wait(t), nil
	case err != nil:
		return nil, err
	}
	if out := c.Sides.Still(); out != nil && row.State == ledger.Pending {
		return r.follow.Await(t, out), nil
	}
	var rows []ledger.Row
	if row.State != "" { // else the job's filter does not choose it
		rows = append(rows, row)
	}
	tries, waited := batching.MostTried(rows)
	return r.writeOff(ctx, t, rows, c.Sides.Since(), r.follow.Waits.Rest(tries, waited, throttled || c.Sides.Blocked()))
}

// park has the record of an event of a paused day created: the task is derived from it
// when the day is resumed. If the day was resumed before the record stood, the task
// follows at once.
func park(ctx context.Context, r *run, t task.Task, row ledger.Row) ([]task.Task, error) {
	w, err := events.Park(ctx, r.ledger.Batches(), r.job, t.Batch, row)
	if err != nil {
		return nil, err
	}
	if u, stopped := verdict.IsUnwanted(r.permit.GoesOn(ctx)); stopped && u.Standing == ledger.Paused {
		r.log.InfoContext(ctx, "event waits for the day to be resumed", "key", row.Key())
		return nil, nil
	}
	return r.follow.AfterCopy(t, w), nil
}

// copier returns what copies the objects that t is for.
func (r *run) copier(t task.Task) *transfer.Copier {
	return &transfer.Copier{
		Source: r.src, Target: r.dst, Rules: &r.rules, Versioned: r.start.Versioned, Events: r.start.Events,
		Share: r.share, Slots: r.slots, Bodies: r.bodies, Pace: r.pace, Sides: r.tracker(t, outage.InARow), Writable: r.permit.Writable,
		Watch: func(p transfer.Progress) {
			r.count(t, p)
			r.config.Watch(Progress{Kind: p.Kind, Key: p.Key, Row: p.Row, Bytes: p.Bytes, Err: p.Err})
		},
		Quick: r.config.Quick, Now: r.config.Now, Log: r.log,
	}
}

// count counts what t did for those who look how the run stands.
func (r *run) count(t task.Task, p transfer.Progress) {
	switch p.Kind {
	case transfer.Settled:
		moved := int64(0)
		if p.Row.State == ledger.Copied && t.Kind != task.Finish { // else its parts were counted
			moved = p.Row.Src.Size
		}
		r.worklog.Settled(t.Batch, p.Row, moved)
	case transfer.Moved:
		r.worklog.Moved(t.Batch, p.Bytes)
	case transfer.Slowed:
		r.worklog.Throttled(t.Batch)
	}
}
