package pipeline

import (
	"context"
	"errors"
	"slices"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// inParts reports whether a pending object goes in parts.
func (r *run) inParts(row ledger.Row) bool {
	return transfer.InParts(r.job, row)
}

// begin opens the upload of a batch's one pending object and returns its Part tasks.
// Where the upload is open already, begin returns the tasks that are left of it: to
// send Begin again replaces a lost message of a Part or a Finish.
func (r *run) begin(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if ledger.Missing(err) {
		var row ledger.Row
		if u, row, err = r.initiate(ctx, t); err == nil && u.ID == "" {
			return r.settle(ctx, t, row, 0)
		}
		err = ofObject(row.Key(), err)
	}
	if err != nil {
		return nil, err
	}
	_, open, err := uploadedParts(ctx, r.ledger, u)
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return []task.Task{ofUpload(task.Finish, t)}, nil
	}
	return partTasks(t, open), nil
}

// ofUpload returns another task for the upload that t is for. It is sent again
// if t is: one with the body of the first might be taken for that, which was
// done as far as it had failed or waited.
func ofUpload(kind task.Kind, t task.Task) task.Task {
	return task.Task{Kind: kind, Run: t.Run, Shard: t.Shard, Batch: t.Batch, Resend: t.Resend}
}

// partTasks returns a Part task for each range of parts of the upload that of is for.
func partTasks(of task.Task, ranges []ledger.PartRange) []task.Task {
	var next []task.Task
	for _, p := range ranges {
		t := ofUpload(task.Part, of)
		t.From, t.To = p.From, p.To
		next = append(next, t)
	}
	return next
}

// initiate opens an upload and creates its record. Where the object needs none, its
// row says what became of it, and the upload has no ID.
func (r *run) initiate(ctx context.Context, t task.Task) (ledger.Upload, ledger.Row, error) {
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return ledger.Upload{}, ledger.Row{}, err
	}
	i := slices.IndexFunc(rows, func(row ledger.Row) bool { return row.State == ledger.Pending })
	if i < 0 {
		return ledger.Upload{}, ledger.Row{}, fault.New(fault.Invalid, "pipeline.begin", t.Batch, errors.New("the batch has no pending object"))
	}
	c := r.transfer(t)
	u, row, err := c.Begin(ctx, rows[i], t.Again(), func(ctx context.Context) (string, error) {
		recorded, err := r.ledger.Upload(ctx, t.Batch)
		if ledger.Missing(err) {
			err = nil
		}
		return recorded.ID, err
	})
	if err != nil || u.ID == "" {
		return u, row, err
	}
	id := u.ID
	u.Batch, u.Shard, u.At = t.Batch, t.Shard, r.config.Now().UTC()
	u, err = r.ledger.BeginUpload(ctx, u)
	if err != nil || u.ID != id { // no record that is known names it, or a twin was faster
		c.AbortOwn(ctx, row.Key(), id)
	}
	return u, row, err
}

// part uploads some parts of an object. It returns Part tasks for those that did not
// fit the invocation, and the Finish after the last part of the object.
func (r *run) part(ctx context.Context, t task.Task) ([]task.Task, error) {
	w, err := r.ledger.WrittenOff(ctx, t.Batch)
	if !ledger.Missing(err) {
		if err == nil { // an upload may have been begun while its batch was written off
			r.drop(ctx, t.Batch)
		}
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	if p, err := r.ledger.EndedParts(ctx, t.Batch, ledger.PartRange{From: t.From, To: t.To}); !ledger.Missing(err) {
		return r.afterPart(ctx, t, u, p, err)
	}
	c := r.transfer(t)
	if t.Waits%(maxShortWaits+1) < maxShortWaits && deadline.Near(ctx, c.PartTime(u.PartSize)) {
		return r.wait(t), nil // several messages share one deadline
	}
	p := ledger.Parts{From: t.From, To: t.To}
	var missing error
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	if p.Done, missing = c.Parts(work, u, t.From, t.To); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	no, taken := verdict.IsUnwanted(missing)
	switch kind := fault.KindOf(missing); {
	case taken && no.Why != "":
		return r.abandon(ctx, t, u, c.Withdraw(u.Row, no))
	case r.stopped(ctx, work) && len(p.Done) == 0:
		return r.wait(t), nil
	case r.stopped(ctx, work): // what is done is kept
	case kind == fault.Changed || kind == fault.NotFound:
		return r.abandon(ctx, t, u, c.Restart(ctx, u.Row, missing))
	case missing == transfer.ErrNoStream:
		return r.pass(t), nil
	case len(p.Done) == 0 && missing == nil: // not one part fits an invocation
		row, err := transfer.Shrink(u)
		if err != nil {
			return nil, err
		}
		return r.abandon(ctx, t, u, row)
	case len(p.Done) == 0:
		return nil, ofObject(u.Row.Key(), missing)
	case missing != nil:
		r.log.WarnContext(ctx, "some parts not copied, will be tried again", "key", u.Row.Key(), "fault", kind, "err", missing)
		r.config.Watch(Progress{Kind: Caught, Key: u.Row.Key(), Err: missing})
	}
	p.Next, p.At = gaps(t.From, t.To, p.Done), r.config.Now().UTC()
	p, err = r.ledger.EndParts(ctx, t.Batch, p)
	return r.afterPart(ctx, t, u, p, err)
}

// maxShortWaits is how often in a row a Part task waits for an invocation with time
// enough; waits for a place among the run's processes may have come before.
const maxShortWaits = 3

// gaps returns the stretches of from to to that are not done.
func gaps(from, to int, done []ledger.PartRow) []ledger.PartRange {
	var out []ledger.PartRange
	for _, p := range done {
		if from < p.Number {
			out = append(out, ledger.PartRange{From: from, To: p.Number - 1})
		}
		from = p.Number + 1
	}
	if from <= to {
		out = append(out, ledger.PartRange{From: from, To: to})
	}
	return out
}

// afterPart returns what follows from the record p of a Part task: Part tasks for what
// it has left over, or the Finish of the upload if it was the last that was open. An
// err, which came in place of the record, is returned.
func (r *run) afterPart(ctx context.Context, t task.Task, u ledger.Upload, p ledger.Parts, err error) ([]task.Task, error) {
	if err != nil {
		return nil, err
	}
	if len(p.Next) > 0 {
		return partTasks(t, p.Next), nil // some parts were done: that is no failed try
	}
	if all, err := allUploaded(ctx, r.ledger, u, t.From); err != nil || !all {
		return nil, err
	}
	return []task.Task{ofUpload(task.Finish, t)}, nil
}
