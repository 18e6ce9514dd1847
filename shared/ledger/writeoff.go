package ledger

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
)

// WriteOff is the outcome of a Copy task.
type WriteOff struct {
	Rows  []Row      // every row of the batch that reached a final state
	Rest  []BatchRef // the batches that take the rest, if any: one, and one each for objects that go in parts
	Until time.Time  // the rest is not begun before, but for what is to be removed; zero: at once
	Since int64      // since when the source or the target that the rest waits for has not answered, in Unix seconds; 0: it waits for none
	Lost  string     // if not empty, the batch was given up as a whole; Rows is empty then
	Cause Cause      // why, of a lost one
}

// Batches are the rows of a run's batches, as they were sealed and as they were written off.
type Batches struct{ files files.Folder }

// Batches returns the run's.
func (r *Run) Batches() Batches { return Batches{r.files} }

// CreateWriteOff creates a batch's outcome and returns the one that stands.
func (b Batches) CreateWriteOff(ctx context.Context, batch string, w WriteOff) (WriteOff, error) {
	data, err := encodeSegment(segmentHead{Rest: w.Rest, Until: w.Until, Since: w.Since, Lost: w.Lost, Cause: w.Cause}, w.Rows)
	if err != nil {
		return WriteOff{}, fault.New(fault.Invalid, "ledger.CreateWriteOff", batch, err)
	}
	standing, won, err := b.files.Create(ctx, "copied/"+batch, data)
	if err != nil || won {
		return w, err
	}
	return decodeWriteOff(standing, batch)
}

// ReadWriteOff reads a batch's outcome. One that is not written off yet is NotFound.
func (b Batches) ReadWriteOff(ctx context.Context, batch string) (WriteOff, error) {
	data, err := b.files.Read(ctx, "copied/"+batch)
	if err != nil {
		return WriteOff{}, err
	}
	return decodeWriteOff(data, batch)
}

func decodeWriteOff(data []byte, batch string) (WriteOff, error) {
	head, rows, err := decodeSegment(data, "copied/"+batch)
	if head.Retry != nil {
		head.Rest = append(head.Rest, *head.Retry)
	}
	return WriteOff{Rows: rows, Rest: head.Rest, Until: head.Until, Since: head.Since, Lost: head.Lost, Cause: head.Cause}, err
}

// Settled reads the rows of a batch as they stand now, in key order, following
// its retries. done is false if one of them is not written off yet; its rows are pending.
func (b Batches) Settled(ctx context.Context, ref BatchRef) (rows []Row, done bool, err error) {
	if ref.Pending == 0 {
		rows, err = b.ReadRows(ctx, ref.ID)
		return rows, true, err
	}
	w, err := b.ReadWriteOff(ctx, ref.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		rows, err = b.ReadRows(ctx, ref.ID)
		return rows, false, err
	case err != nil:
		return nil, false, err
	case w.Lost != "":
		rows, err = b.ReadRows(ctx, ref.ID)
		for i := range rows {
			if rows[i].State == Pending {
				rows[i].State = Failed
				rows[i].Because(w.Cause, w.Lost)
			}
		}
		return rows, true, err
	}
	rows, done = w.Rows, true
	for _, rest := range w.Rest {
		more, ended, err := b.Settled(ctx, rest)
		if err != nil {
			return nil, false, err
		}
		rows, done = mergeRows(rows, more), done && ended
	}
	return rows, done, nil
}

// Outcome reads the rows of a batch that was found to be written off, its retries
// included. A write-off that was listed and is not there to be read yet is
// Temporary: rows that are pending in its place would be taken for an outcome.
func (b Batches) Outcome(ctx context.Context, ref BatchRef) ([]Row, error) {
	rows, done, err := b.Settled(ctx, ref)
	if err == nil && !done {
		err = fault.New(fault.Temporary, "ledger.Outcome", ref.ID, errors.New("its write-off, or that of a retry, is listed and cannot be read yet"))
	}
	return rows, err
}

// mergeRows merges two lists in key order that share no key.
func mergeRows(a, b []Row) []Row {
	out := make([]Row, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Key() < b[0].Key() {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
