package batching

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
// one of all others.
func Divide(j job.Job, batch string, rows []ledger.Row) (ended []ledger.Row, rest []Rest) {
	ended = make([]ledger.Row, 0, len(rows)) // nearly all end
	var others, remove []ledger.Row
	take := func(how ledger.BatchRef, rows ...ledger.Row) {
		if len(rows) == 0 {
			return
		}
		ref := refOf(retryOf(batch), rows)
		ref.Parts, ref.Remove = how.Parts, how.Remove
		rest = append(rest, Rest{ref, rows})
	}
	for _, row := range rows {
		switch {
		case row.Then == ledger.Remove:
			remove = append(remove, row)
		case row.Then == ledger.Look:
			others = append(others, row)
		case row.State != ledger.Pending:
			ended = append(ended, settled(row))
		case transfer.InParts(j, row):
			take(ledger.BatchRef{Parts: true}, row)
		default:
			others = append(others, row)
		}
	}
	take(ledger.BatchRef{Remove: true}, remove...)
	take(ledger.BatchRef{}, others...)
	return ended, rest
}

// WriteOff divides the rows of a batch, and writes the rows of the batches that take what
// did not end. It returns the write-off that is to be created, which names them.
func WriteOff(ctx context.Context, batches ledger.Batches, j job.Job, batch string, rows []ledger.Row) (w ledger.WriteOff, err error) {
	var rest []Rest
	w.Rows, rest = Divide(j, batch, rows)
	for _, b := range rest {
		if err := batches.WriteRows(ctx, b.Ref.ID, b.Rows); err != nil {
			return w, err
		}
		w.Rest = append(w.Rest, b.Ref)
	}
	return w, nil
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

// AnyEnded reports whether any row of a batch is final, also from the beginning.
func AnyEnded(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(row ledger.Row) bool { return row.State != ledger.Pending })
}
