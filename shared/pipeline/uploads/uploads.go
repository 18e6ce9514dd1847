// Package uploads knows what the ledger has of objects that go in parts: which parts have
// a record, and which uploads may be open in the target. It knows no tasks, and creates
// no records but that of an upload.
//
//	parts.go    AllEnded, Parts: which parts of an upload have a record
//	uploads.go  Open: opens one; Settled: its batch once it ended; Drop, AbortAll, Clean: aborts uploads of no use
package uploads

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/store"
)

// Open opens the upload of a batch's one pending object and creates its record. again says
// that one may have been opened before. Where the object needs none, its row says what became
// of it, and the upload has no ID.
func Open(ctx context.Context, l *ledger.Run, c *transfer.Copier, batch, shard string, again bool) (upload.Upload, ledger.Row, error) {
	rows, err := l.Batches().ReadRows(ctx, batch)
	if err != nil {
		return upload.Upload{}, ledger.Row{}, err
	}
	i := slices.IndexFunc(rows, func(row ledger.Row) bool { return row.State == ledger.Pending })
	if i < 0 {
		return upload.Upload{}, ledger.Row{}, fault.New(fault.Invalid, "pipeline.begin", batch, errors.New("the batch has no pending object"))
	}
	u, row, err := c.Begin(ctx, rows[i], again, func(ctx context.Context) (string, error) {
		recorded, err := upload.Read(ctx, l, batch)
		if ledger.Missing(err) {
			err = nil
		}
		return recorded.ID, err
	})
	if err != nil || u.ID == "" {
		return u, row, err
	}
	id := u.ID
	u.Batch, u.Shard, u.At = batch, shard, c.Now().UTC()
	u, err = upload.Create(ctx, l, u)
	if err != nil || u.ID != id { // no record that is known names it, or a twin was faster
		c.AbortOwn(ctx, row.Key(), id)
	}
	return u, row, err
}

// Settled returns the rows of a batch with row in place of its one pending object.
func Settled(ctx context.Context, l *ledger.Run, batch string, row ledger.Row) ([]ledger.Row, error) {
	rows, err := l.Batches().ReadRows(ctx, batch)
	for i := range rows {
		if rows[i].State == ledger.Pending {
			rows[i] = row
		}
	}
	return rows, err
}

// Drop aborts the upload that the ledger has for a batch, if it has one, before the
// batch is written off without it: no task reads the batch afterwards. A task that is
// still at work on the upload finds it gone, and the object begins anew. An upload
// that is not aborted within transfer.AbortTime, or while time is left to write off,
// is left to the bucket's lifecycle rule, and the error is logged.
func Drop(ctx context.Context, l *ledger.Run, target store.Writer, batch string, log *slog.Logger) {
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, transfer.AbortTime)
	defer cancel()
	if err := abort(ctx, l, target, batch); err != nil {
		log.WarnContext(ctx, "upload not aborted", "batch", batch, "fault", fault.KindOf(err), "err", err)
	}
}

// abort aborts the upload that the ledger has for a batch, if it has one.
func abort(ctx context.Context, l *ledger.Run, target store.Writer, batch string) error {
	u, err := upload.Read(ctx, l, batch)
	if ledger.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return transfer.Abort(ctx, target, u.Row.Key(), u.ID)
}

// AbortAll aborts every upload that the ledger knows, some at a time, and notes how far
// it has come. One that was completed, or is gone, is no error, and one that cannot be
// aborted keeps no other.
func AbortAll(ctx context.Context, l *ledger.Run, target store.Writer) error {
	var errs []error
	done, err := upload.ReadAborted(ctx, l)
	for err == nil {
		var batches []string
		if batches, err = upload.List(ctx, l, done, lookups*lookups); err != nil || len(batches) == 0 {
			break
		}
		for _, err := range readahead.Each(ctx, lookups, readahead.Slice(batches), func(ctx context.Context, batch string) (struct{}, error) {
			return struct{}{}, abort(ctx, l, target, batch)
		}) {
			if err != nil {
				errs = append(errs, err)
			}
		}
		if err = ctx.Err(); err == nil {
			done = batches[len(batches)-1]
			err = upload.WriteAborted(ctx, l, done)
		}
	}
	return errors.Join(append(errs, err)...)
}

// Clean aborts the uploads of the ledger that are open still, and returns how many that
// were and what parts they had. What cannot be aborted is the error, and keeps no other.
func Clean(ctx context.Context, l *ledger.Run, target store.Writer) (aborted int, parts ledger.Tally, err error) {
	batches, err := upload.List(ctx, l, "", math.MaxInt)
	if err != nil {
		return 0, parts, err
	}
	type left struct {
		open  bool
		parts ledger.Tally
	}
	var failed []error
	for one, err := range readahead.Each(ctx, lookups, readahead.Slice(batches), func(ctx context.Context, batch string) (f left, err error) {
		if f.parts, f.open, err = partsLeft(ctx, l, target, batch); err == nil && f.open {
			err = abort(ctx, l, target, batch)
		}
		return f, err
	}) {
		switch {
		case err != nil:
			failed = append(failed, err)
		case one.open:
			aborted++
			parts.Add(one.parts.Objects, one.parts.Bytes)
		}
	}
	return aborted, parts, errors.Join(failed...)
}

// partsLeft counts the parts of an upload, if it is open.
func partsLeft(ctx context.Context, l *ledger.Run, target store.Writer, batch string) (t ledger.Tally, open bool, err error) {
	u, err := upload.Read(ctx, l, batch)
	if err != nil {
		return t, false, err
	}
	parts, err := target.Parts(ctx, u.Row.Key(), u.ID)
	if fault.KindOf(err) == fault.NotFound {
		return t, false, nil
	}
	for _, p := range parts {
		t.Add(1, p.Size)
	}
	return t, err == nil, err
}
