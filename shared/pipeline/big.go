package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/task"
)

// beginUpload opens the upload of a batch's one pending object and returns its Part tasks.
// Where the upload is open already, begin returns the tasks that are left of it: to
// send Begin again replaces a lost message of a Part or a Finish.
func beginUpload(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	u, err := upload.Read(ctx, r.Ledger, t.Batch)
	if ledger.Missing(err) {
		if next, waits, err := thawFirst(ctx, r, t); waits {
			return next, err
		}
		var row ledger.Row
		if u, row, err = uploads.Open(ctx, r.Ledger, r.Copier(t), t.Batch, t.Shard, t.Again()); err == nil && u.ID == "" {
			return settle(ctx, r, t, row, 0)
		}
		err = outage.AtObject(row.Key(), err)
	}
	if err != nil {
		return nil, err
	}
	_, open, err := uploads.Parts(ctx, r.Ledger, u)
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return []task.Task{r.Follow.OfUpload(task.Finish, t)}, nil
	}
	return r.Follow.Parts(t, open), nil
}

// thawFirst has the object of a batch restored where it is archived. waits reports that
// it cannot be read yet, or never, or that this is not known: then next follows from t.
func thawFirst(ctx context.Context, r *runs.Run, t task.Task) (next []task.Task, waits bool, err error) {
	if !r.Job.Thaw {
		return nil, false, nil
	}
	rows, err := r.Ledger.Batches().ReadRows(ctx, t.Batch)
	if err != nil {
		return nil, true, err
	}
	thawing, err := r.Thawer.Look(ctx, rows)
	switch {
	case err != nil:
	case thawing.Still:
		next, err = r.Next.Thawing(ctx, t)
	case thawing.Waiting > 0 || !batching.AnyPending(rows):
		next, err = writeOff(ctx, r, t, rows, 0, r.Follow.Waits.Thaw(thawing.Waiting))
	default:
		return nil, false, nil
	}
	return next, true, err
}

// maxShortWaits is how often in a row a Part task waits for an invocation with time
// enough; waits for a place among the run's processes may have come before.
const maxShortWaits = 3

// copyParts uploads some parts of an object. It returns Part tasks for those that did not
// fit the invocation, and the Finish after the last part of the object.
func copyParts(ctx, work context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	u, err := upload.Read(ctx, r.Ledger, t.Batch)
	if err != nil {
		return nil, err
	}
	p, err := upload.ReadParts(ctx, r.Ledger, t.Batch, upload.PartRange{From: t.From, To: t.To})
	if ledger.Missing(err) {
		c := r.Copier(t)
		if t.Waits%(maxShortWaits+1) < maxShortWaits && deadline.Near(ctx, c.PartTime(u.PartSize)) {
			return r.Follow.Wait(t), nil // several messages share one deadline
		}
		done, missing := c.Parts(work, u, t.From, t.To)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		halt := r.Share.State.Stops(ctx, work)
		row, unfit, impossible := c.Unfit(ctx, u, done, missing, halt)
		switch {
		case impossible != nil:
			return nil, impossible
		case unfit:
			return abandon(ctx, r, t, u, row)
		case len(done) > 0: // these parts are kept, whatever the others wait for
		case halt:
			return r.Follow.Wait(t), nil
		case missing == transfer.ErrNoStream:
			return r.Follow.Pass(t), nil
		default:
			return nil, outage.AtObject(u.Row.Key(), missing)
		}
		p, err = upload.CreateParts(ctx, r.Ledger, t.Batch, upload.Parts{
			From: t.From, To: t.To, Done: done, Next: transfer.Gaps(t.From, t.To, done), At: r.Config.Now().UTC(),
		})
	}
	if err != nil {
		return nil, err
	}
	if len(p.Next) > 0 {
		return r.Follow.Parts(t, p.Next), nil // some parts were done: that is no failed try
	}
	if all, err := uploads.AllEnded(ctx, r.Ledger, u, t.From); err != nil || !all {
		return nil, err
	}
	return []task.Task{r.Follow.OfUpload(task.Finish, t)}, nil
}

// finishUpload reads the parts of an upload that the ledger has, completes it, and writes
// its batch off. Where parts are missing it yields their Part tasks.
func finishUpload(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	u, err := upload.Read(ctx, r.Ledger, t.Batch)
	if err != nil {
		return nil, err
	}
	done, open, err := uploads.Parts(ctx, r.Ledger, u)
	if err != nil || len(open) > 0 {
		return r.Follow.Parts(t, open), err
	}
	row, err := r.Copier(t).Complete(ctx, u, done)
	switch {
	case err != nil:
		return nil, outage.AtObject(row.Key(), err)
	case row.State != ledger.Copied:
		return abandon(ctx, r, t, u, row)
	}
	return settle(ctx, r, t, row, 0)
}

// abandon drops the upload of an object that does not come of it, as row says, and
// writes the batch off. An object that begins anew after it was tried waits first.
func abandon(ctx context.Context, r *runs.Run, t task.Task, u upload.Upload, row ledger.Row) ([]task.Task, error) {
	uploads.Drop(ctx, r.Ledger, r.Target, t.Batch, r.Log)
	pause := time.Duration(0)
	if row.Tries > u.Row.Tries {
		pause = r.Follow.Waits.After(row.Tries / transfer.Tries)
	}
	return settle(ctx, r, t, row, pause)
}

// settle writes the batch off with row in place of its one pending object, and returns
// what follows; what is left of the batch waits for pause. The key of an event is
// compared once more, for it may have changed again: Then is Look.
func settle(ctx context.Context, r *runs.Run, t task.Task, row ledger.Row, pause time.Duration) ([]task.Task, error) {
	if r.Started.Events && row.Then == "" && (row.State == ledger.Copied || row.State == ledger.Gone) {
		row.Then = ledger.Look
	}
	rows, err := uploads.Settled(ctx, r.Ledger, t.Batch, row)
	if err != nil {
		return nil, err
	}
	if row.State != ledger.Pending {
		r.Count(t, transfer.Progress{Kind: transfer.Settled, Row: row})
	}
	next, err := writeOff(ctx, r, t, rows, 0, pause)
	if err == nil && row.State != ledger.Pending {
		r.Config.Watch(watch.Progress{Kind: watch.Settled, Key: row.Key(), Row: row, Task: t})
	}
	return next, err
}
