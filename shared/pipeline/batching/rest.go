package batching

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/transfer"
)

// Rest is a batch that takes rows of another that did not end.
type Rest struct {
	Ref  ledger.BatchRef
	Rows []ledger.Row
}

// Divide divides the rows of a batch into those that ended and those that other batches
// take: one each for objects that go in parts by j, one of what is to be removed, and
// one of all others. Where all ended, as nearly always, ended is rows itself.
func Divide(j job.Job, batch string, rows []ledger.Row) (ended []ledger.Row, rest []Rest) {
	if !slices.ContainsFunc(rows, left) {
		for i := range rows {
			settle(&rows[i])
		}
		return rows, nil
	}
	ended = make([]ledger.Row, 0, len(rows))
	var others, remove []ledger.Row
	take := func(how ledger.BatchRef, rows ...ledger.Row) {
		if len(rows) == 0 {
			return
		}
		ref := refOf(retryOf(batch), rows)
		ref.Parts, ref.Remove = how.Parts, how.Remove
		rest = append(rest, Rest{ref, rows})
	}
	for i := range rows {
		switch row := &rows[i]; {
		case !left(*row):
			ended = append(ended, *row)
			settle(&ended[len(ended)-1])
		case row.Then == ledger.Remove:
			remove = append(remove, *row)
		case row.Then != ledger.Look && transfer.InParts(&j, row):
			take(ledger.BatchRef{Parts: true}, *row)
		default:
			others = append(others, *row)
		}
	}
	take(ledger.BatchRef{Remove: true}, remove...)
	take(ledger.BatchRef{}, others...)
	return ended, rest
}

// left reports whether a row is for another batch.
func left(row ledger.Row) bool {
	return row.State == ledger.Pending || row.Then == ledger.Remove || row.Then == ledger.Look
}

// Pause is how long the rest of a batch waits.
type Pause struct {
	Until time.Time // zero: it does not wait
	Since int64     // since when a side that it needs has not answered, in Unix seconds; 0: it did
}

// PauseOf returns a Pause that begins now, of no length where pause is none.
func PauseOf(pause time.Duration, since int64, now time.Time) Pause {
	if pause <= 0 {
		return Pause{Since: since}
	}
	return Pause{Since: since, Until: now.UTC().Add(pause)}
}

// WriteOff writes a batch off, whose rows are as its task left them. The rows that did not
// end are written away as other batches before the write-off names them. They wait as the
// record says, so that a second delivery of the task has them wait as long. WriteOff returns
// the record that stands; own is false where a twin created it, and sends what follows.
func WriteOff(ctx context.Context, batches ledger.Batches, j job.Job, batch string, rows []ledger.Row, p Pause) (stands ledger.WriteOff, own bool, err error) {
	w := ledger.WriteOff{Since: p.Since}
	var rest []Rest
	w.Rows, rest = Divide(j, batch, rows)
	for _, b := range rest {
		if err := batches.WriteRows(ctx, b.Ref.ID, b.Rows); err != nil {
			return w, false, err
		}
		w.Rest = append(w.Rest, b.Ref)
	}
	if len(rest) > 0 {
		w.Until = p.Until
	}
	stands, err = batches.CreateWriteOff(ctx, batch, w)
	own = len(stands.Rest) == 0 || len(w.Rest) > 0 && w.Rest[0].ID == stands.Rest[0].ID
	return stands, own, err
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

// MostTried returns how often the most tried of the rows that did not end was tried, and
// how often the one waited that has waited most often.
func MostTried(rows []ledger.Row) (tries, waits int) {
	for _, row := range rows {
		if row.State == ledger.Pending || row.Then == ledger.Look {
			tries, waits = max(tries, row.Tries), max(waits, row.Waits)
		}
	}
	return tries, waits
}

// AnyPending reports whether any row of a batch is not final.
func AnyPending(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(row ledger.Row) bool { return row.State == ledger.Pending })
}

// AnyEnded reports whether any row of a batch is final, also from the beginning.
func AnyEnded(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(row ledger.Row) bool { return row.State != ledger.Pending })
}
