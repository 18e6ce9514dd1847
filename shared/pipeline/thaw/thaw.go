// Package thaw brings archived objects of a source to where they can be read. It knows
// neither runs nor tasks, and reads and writes no records: how far it has come with an
// object stands in its row.
package thaw

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/store"
)

const (
	// MaxThaws is how often an object is restored that froze again before it was copied.
	MaxThaws = 3
	// atOnce is how many objects are asked for at the same time.
	atOnce = 16
)

// Thawer restores the archived objects of a job's source.
type Thawer struct {
	Job     job.Job
	Source  store.Source // tells whether an object can be read
	Service store.Thawer // nil: the source's service restores nothing
	Now     func() time.Time
}

// Wanted reports whether a row is of an object that is to be copied, and may have to be
// restored before.
func (t *Thawer) Wanted(row ledger.Row) bool {
	return t.Job.Thaw && row.State == ledger.Pending && row.Need == "" && (row.Src.Frozen || row.Thaw != nil)
}

// Thawing is what Look came to of the rows that are Wanted.
type Thawing struct {
	Waiting int  // those that are to be waited for, which stay pending
	Asked   bool // one was asked for now, which its row has: it is to be kept
	Still   bool // all pending rows are to be waited for, and no row has changed
}

// Look asks of each of rows that is Wanted whether it can be read now, and has it restored
// where that was not done yet. One that is waited for in vain is Skipped and says why; any other that
// is not to be waited for can be copied. Where the time of ctx is nearly over, or the source
// asks to slow down, those that were not asked for are among the ones to be waited for, and
// so is one of which the source does not tell. The error is Throttled where nothing was asked
// for, else that of a source that tells nothing of any pending row.
func (t *Thawer) Look(ctx context.Context, rows []ledger.Row) (Thawing, error) {
	type at struct {
		waits, asked bool
		err          error
	}
	looked := make([]at, len(rows))
	var slow atomic.Bool
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range rows {
		if !t.Wanted(rows[i]) {
			continue
		}
		looked[i].waits = true
		g.Go(func() error {
			if slow.Load() || deadline.Near(ctx, 0) {
				return nil
			}
			waits, asked, err := t.look(ctx, &rows[i])
			if err != nil {
				waits = rows[i].Src.Frozen // else its copy tries
			}
			if looked[i] = (at{waits, asked, err}); fault.KindOf(err) == fault.Throttled {
				slow.Store(true)
			}
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	thawing, untold := Thawing{Still: true}, 0
	var trouble error
	for _, l := range looked {
		if l.waits {
			thawing.Waiting++
		}
		thawing.Asked = thawing.Asked || l.asked
		thawing.Still = thawing.Still && l.waits && !l.asked
		if l.err != nil {
			untold++
			if trouble == nil || fault.KindOf(l.err) == fault.Throttled {
				trouble = l.err
			}
		}
	}
	thawing.Still = thawing.Still && thawing.Waiting > 0
	if fault.KindOf(trouble) == fault.Throttled && !thawing.Asked || untold > 0 && untold == len(rows) {
		return Thawing{}, trouble
	}
	return thawing, nil
}

// look asks of one; asked reports that it has it restored.
func (t *Thawer) look(ctx context.Context, row *ledger.Row) (waits, asked bool, err error) {
	now, err := t.Source.Stat(ctx, row.Key())
	switch fault.KindOf(err) {
	case "":
	case fault.Throttled, fault.Temporary:
		return false, false, err
	default:
		row.Src.Frozen = false // its copy finds what is the matter
		return false, false, nil
	}
	row.Src.Frozen = now.Frozen
	if !now.Frozen {
		if row.Thaw != nil {
			thawed := *row.Thaw
			thawed.Ready = true
			row.Thaw = &thawed
		}
		return false, false, nil
	}
	at := ledger.Thaw{Since: t.Now().UTC()}
	if row.Thaw != nil {
		at = *row.Thaw
	}
	asks := at.Times == 0 || at.Ready
	switch {
	case t.Service == nil:
		t.skip(row, "the source's service does not restore it by itself; restore it there and run again")
		return false, false, nil
	case asks && at.Times == MaxThaws:
		t.skip(row, fmt.Sprintf("it was restored %d times, and froze again each time before it was copied; raise thawDays, and run again", MaxThaws))
		return false, false, nil
	case asks:
		err := t.Service.Thaw(ctx, row.Key(), t.Job.ThawDays)
		switch fault.KindOf(err) {
		case "":
		case fault.Throttled, fault.Temporary, fault.Unknown:
			return false, false, err
		default:
			t.skip(row, "it could not be restored: "+fault.Sentence(err))
			return false, false, nil
		}
		at.Times++
		at.Ready = false
	case t.Now().Sub(at.Since) > time.Duration(t.Job.ThawWait):
		t.skip(row, fmt.Sprintf("it still thaws: it was asked for at %s, and thawWait is %s; run again when it is restored", at.Since.Format(time.RFC3339), t.Job.ThawWait))
		return false, false, nil
	}
	row.Thaw = &at
	return true, asks, nil
}

// skip ends a row that cannot be thawed.
func (t *Thawer) skip(row *ledger.Row, why string) {
	row.State = ledger.Skipped
	row.Because(ledger.Archived, fmt.Sprintf("it is archived (%s) and not thawed: %s", row.Src.Class, why))
	row.At = t.Now().UTC()
}
