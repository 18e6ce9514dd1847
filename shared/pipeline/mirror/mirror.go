// Package mirror removes from the target what it is to hold no longer: what the source
// does not have any more, and bytes of the job's own that are damaged. It reads rows
// and returns what became of them, and knows neither tasks nor records.
//
//	mirror.go  Decide, Decision: whether a run deletes at all; Remover: what removing takes
//	ours.go    Ours: which of the target's objects are the job's copies
//	delete.go  Remover.Delete: candidates that a run's listings found
//	remove.go  Remover.Remove: what an event found vanished, and what is damaged
//	both.go    what both sides have right before an object is removed
package mirror

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Remover removes objects of the target for one task. It is safe for concurrent use.
type Remover struct {
	Source store.Source
	Target store.Writer // speaks source keys
	Rules  *verdict.Rules
	Began  time.Time // when the run did

	Share *limit.Share    // of what bounds all processes of the run
	Sides *outage.Tracker // of the task; required by Delete alone

	// Writable asks whether o is still to be written. The error is an
	// *verdict.Unwanted where it is not.
	Writable func(ctx context.Context, o store.Object) error
	// Removable asks whether the copy of a key is still to be removed and returns the
	// job as it is kept now. The error is an *verdict.Unwanted where it is not.
	Removable func(ctx context.Context, key string) (job.Job, error)
	// Last returns what the runs that are over left of a key, nil if nothing. Remove alone
	// asks for it.
	Last func(ctx context.Context, key string) (*memory.Row, error)
	// Reserve takes a place among the at most limit removals of the day for each object
	// of a batch, for good. It returns false where none is left.
	Reserve func(ctx context.Context, batch string, limit int64) (bool, error)
	Now     func() time.Time
	Log     *slog.Logger
}

// lookups is how many requests about single keys are made at a time.
const lookups = 16

// parallel is how many objects are removed at a time.
func (m *Remover) parallel() int { return m.Rules.Job.Limits.AtOnce(lookups) }

// Decide decides by the progress of a run of j, all of whose shards are verified,
// whether the candidates for deletion are deleted. What looks like a mistake is refused
// as a whole: it is cheaper to run again than to get back what was deleted.
func Decide(j job.Job, p progress.Run) ledger.DeleteDecision {
	var g ledger.DeleteDecision
	var e verdict.Extent
	unknown := 0
	for _, s := range p.Shards {
		if s.Closed.Failed != "" || s.Proved.Failed != "" {
			unknown++
		}
		e.Seen += s.Closed.Counts.Listed.Objects + s.Closed.Counts.Excluded.Objects
		e.Held += s.Closed.Held
		g.Candidates.Add(s.Candidates.Objects, s.Candidates.Bytes)
		g.Others.Add(s.Closed.Others.Objects, s.Closed.Others.Bytes)
	}
	e.Candidates, e.Others = g.Candidates.Objects, g.Others.Objects
	g.Reason = verdict.RefuseDeletes(j, e)
	if g.Candidates.Objects > 0 && unknown > 0 {
		g.Reason = fmt.Sprintf("%d stretches of the source could not be listed or verified, so what it no longer has is not known for sure; run again", unknown)
	}
	g.Allowed = g.Reason == ""
	return g
}

// mostTries is how often the most tried of rows was tried.
func mostTries(rows []ledger.Row) (n int) {
	for _, row := range rows {
		n = max(n, row.Tries)
	}
	return n
}

// Decision reads the run's decision on deletions. A record that cannot be read allows
// none: the run would never end otherwise.
func Decision(ctx context.Context, run *ledger.Run) (ledger.DeleteDecision, error) {
	g, err := run.ReadDeleteDecision(ctx)
	if fault.KindOf(err) == fault.Corrupt {
		return ledger.DeleteDecision{Reason: "the decision on deletions cannot be read: " + err.Error()}, nil
	}
	return g, err
}
