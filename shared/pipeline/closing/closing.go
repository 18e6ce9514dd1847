// Package closing adds up what a run came to, by the records and rows of its ledger, and
// writes its report. It knows no tasks.
//
//	closing.go    Books; Close: of a run all of whose shards are verified
//	day.go        CloseDay: of a day of events
//	cancelled.go  CloseCancelled: of a run that was cancelled
//	deletions.go  what became of what was to be deleted
//	publish.go    writes the report and the files beside it, and those with a shard's rows
package closing

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// lookups is how many records are read at a time.
const lookups = 16

// Books is what a run is added up by.
type Books struct {
	Ledger  *ledger.Ledger
	Run     *ledger.Run
	Started ledger.Started
	Job     job.Job
	Beside  func(ctx context.Context) []string // prefixes that the source has beside the job's; asked where nothing was listed
	Now     func() time.Time
	Log     *slog.Logger
}

// Close adds up a run whose progress is p, all of whose shards are verified, and writes its
// report, which ends it. decision is the one on deletions, if the job mirrors them.
func (b *Books) Close(ctx context.Context, p progress.Run, decision ledger.DeleteDecision) error {
	rep, manifest, err := b.verified(ctx, p, decision)
	if err != nil {
		return err
	}
	return b.Publish(ctx, rep, manifest)
}

func (b *Books) verified(ctx context.Context, p progress.Run, decision ledger.DeleteDecision) (report.Report, report.Manifest, error) {
	rep, manifest := report.Fold(b.Run.Name, b.Job, p, b.Now().UTC())
	if b.Job.Delete {
		if err := b.foldDeletes(ctx, p, decision, &rep, &manifest); err != nil {
			return rep, manifest, err
		}
	}
	named := int64(0)
	for _, s := range b.Started.Keys {
		named += int64(s.Count)
	}
	rep.Doubt(b.Job, named, func() []string { return b.Beside(ctx) })
	return rep, manifest, nil
}

// leave names the run, which is over but for its report, among those that later runs
// remember. A run of events has no rows in the order of keys: what it copied tells by
// its metadata.
func (b *Books) leave(ctx context.Context, rep report.Report, manifest []byte) error {
	if b.Started.Events {
		return nil
	}
	filter, err := b.Job.Filter.Digest(b.Job.Source.Prefix)
	if err != nil {
		return err
	}
	return index.WritePairRun(ctx, b.Ledger, b.Job.Pair(), index.PairRun{
		Last: ledger.Last{Run: b.Run.Name, Manifest: report.Sum(manifest)},
		At:   b.Started.At, Prefix: b.Job.Source.Prefix, Filter: filter,
		Whole: len(b.Started.Keys) == 0 && rep.Result != report.Cancelled && rep.Balanced && rep.Stretches() == 0,
	})
}

// settled reads what a batch ended as; with open, how it stands, where it has not ended.
// One whose record is damaged has one row, which says so.
func (b *Books) settled(ctx context.Context, batch ledger.BatchRef, open bool) (rows []ledger.Row, err error) {
	if open {
		rows, _, err = b.Run.Batches().Settled(ctx, batch)
	} else {
		rows, err = b.Run.Batches().Outcome(ctx, batch)
	}
	if fault.KindOf(err) == fault.Corrupt { // something happened, and what is not known
		return []ledger.Row{{Src: store.Object{Key: batch.ID}, State: ledger.Failed, Reason: "what became of this batch cannot be read, nor which keys it has: " + err.Error(), Cause: "what became of a batch cannot be read: " + ledger.CauseOf(err)}}, nil
	}
	return rows, err
}
