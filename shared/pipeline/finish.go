package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// finish reads the parts of an upload that the ledger has, completes it, and writes
// its batch off. Where parts are missing it yields their Part tasks.
func (r *run) finish(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	done, open, err := uploadedParts(ctx, r.ledger, u)
	if err != nil || len(open) > 0 {
		return partTasks(t, open), err
	}
	row, err := r.transfer(t).Complete(ctx, u, done)
	switch {
	case err != nil:
		return nil, ofObject(row.Key(), err)
	case row.State != ledger.Copied:
		return r.abandon(ctx, t, u, row)
	}
	return r.settle(ctx, t, row, 0)
}

// abandon drops the upload of an object that does not come of it, as row says, and
// writes the batch off. An object that begins anew after it was tried waits first.
func (r *run) abandon(ctx context.Context, t task.Task, u ledger.Upload, row ledger.Row) ([]task.Task, error) {
	r.drop(ctx, t.Batch)
	pause := time.Duration(0)
	if row.Tries > u.Row.Tries {
		pause = r.delay(row.Tries / transfer.Tries)
	}
	return r.settle(ctx, t, row, pause)
}

// settle writes the batch off with row in place of its one pending object, and returns
// what follows; what is left of the batch waits for pause. The key of an event is
// compared once more, for it may have changed again: Then is Look.
func (r *run) settle(ctx context.Context, t task.Task, row ledger.Row, pause time.Duration) ([]task.Task, error) {
	if r.start.Events && row.Then == "" && (row.State == ledger.Copied || row.State == ledger.Gone) {
		row.Then = ledger.Look
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].State == ledger.Pending {
			rows[i] = row
		}
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	if w, err = r.end(ctx, t, w, pause); err != nil {
		return nil, err
	}
	if row.State != ledger.Pending {
		r.config.Watch(Progress{Kind: Settled, Key: row.Key(), Row: row, Task: t})
	}
	return r.afterCopy(t, w), nil
}

// drop aborts the upload that the ledger has for a batch, if it has one, before the
// batch is written off without it: no task reads the batch afterwards. A task that is
// still at work on the upload finds it gone, and the object begins anew. An upload
// that is not aborted within transfer.AbortTime, or while time is left to write off,
// is left to the bucket's lifecycle rule, and the error is logged.
func (r *run) drop(ctx context.Context, batch string) {
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, transfer.AbortTime)
	defer cancel()
	if err := r.abort(ctx, batch); err != nil {
		r.log.WarnContext(ctx, "upload not aborted", "batch", batch, "fault", fault.KindOf(err), "err", err)
	}
}

// abort aborts the upload that the ledger has for a batch, if it has one.
func (r *run) abort(ctx context.Context, batch string) error {
	u, err := r.ledger.Upload(ctx, batch)
	if ledger.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return transfer.Abort(ctx, r.dst, u.Row.Key(), u.ID)
}
