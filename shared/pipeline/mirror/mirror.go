// Package mirror removes from the target what it is to hold no longer: what the source
// does not have any more, and bytes of the job's own that are damaged. It reads rows
// and returns what became of them, and knows neither tasks nor records.
//
//	mirror.go      Remover: what removing takes
//	decide.go      DecideDeletes, ReadDeleteDecision: whether a run deletes at all
//	ours.go        Ours: which of the target's objects are the job's copies
//	candidates.go  Remover.Delete: candidates that a run's listings found
//	remove.go      Remover.Remove: what an event found vanished, and what is damaged
//	delete.go      the last look at both sides, and the one DELETE of the engine
package mirror

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
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

// mostTries is how often the most tried of rows was tried.
func mostTries(rows []ledger.Row) (n int) {
	for _, row := range rows {
		n = max(n, row.Tries)
	}
	return n
}
