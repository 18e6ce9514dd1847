// Package verdict decides what becomes of an object: whether it is copied, is left
// alone or fails, and whether the target's object may be replaced or deleted. It
// decides by what the two sides have under a key, and knows neither runs nor
// records.
//
//	verdict.go     Rules: what a listed object needs
//	asker.go       Asker: asks the target where the listings cannot decide
//	judge.go       Judge: the same for a walk over both listings
//	refuse.go      what cannot be copied at all
//	version.go     which objects have the same content
//	authorship.go  who wrote a target object
//	stored.go      an object as it is to be in the target, and what that loses
//	unwanted.go    the error of what is not to be written or deleted any more
//	parts.go       in how many parts an object goes
//	deletes.go     whether objects may be deleted from the target
package verdict

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Rules are what decisions on the objects of one job depend on. They are safe for
// concurrent use.
type Rules struct {
	Job    job.Job
	Match  *job.Matcher // of the job's filter
	Source store.Terms  // of the source, for reasons
	Target Target       // speaks source keys
	Keeper Keeper       // nil where the target does not tell what it cannot hold
	Now    func() time.Time
}

// Target is what decisions ask of the target.
type Target interface {
	// Stat describes an object, as store.Source does.
	Stat(ctx context.Context, key string) (store.Object, error)
	// CheckKey says why the target cannot hold key, as store.Target does.
	CheckKey(key string) error
}

// AbsentReason is the reason of a key that the job's list names and the source
// does not have.
const AbsentReason = "the list of keys names it, and the source does not have it"

// UnchosenReason is the reason of an object that was replaced since it was listed by
// one that the job's filter does not choose.
const UnchosenReason = "it was overwritten at the source during the run and is no longer what the job's filter chooses"

// ConflictReason is the reason of an object that is left alone because the target
// holds another's.
const ConflictReason = "the target holds a newer object that this job did not write; it was left alone (overwrite=always would replace it)"

// clockSlack is how much newer the target's object must be before its time alone
// tells that it was written after the source's: clocks differ, and OSS tells whole
// seconds.
const clockSlack = 15 * time.Minute

// Chosen reports whether an object of the source belongs to the job. An absent one
// does: the job's list names it, and it gets its row.
func (r *Rules) Chosen(src store.Object) bool { return src.Absent() || r.Match.Match(src) }

// Decide returns the row of a listed object of the source. dst is the target's object
// of the same key, nil if there is none. Only where the listings cannot decide is the
// target asked: one HEAD, whose error Decide returns.
func (r *Rules) Decide(ctx context.Context, src store.Object, dst *store.Object) (ledger.Row, error) {
	row, ask := r.Compare(src, dst)
	if ask {
		if err := r.Ask(ctx, &row); err != nil {
			return row, err
		}
	}
	return row, nil
}

// Compare returns the row of a listed object as far as the listings decide. Where
// ask is true they do not: then Ask does.
func (r *Rules) Compare(src store.Object, dst *store.Object) (row ledger.Row, ask bool) {
	row = ledger.Row{Src: src, At: r.Now().UTC()}
	if src.Absent() {
		row.Src.Size, row.State = 0, ledger.Gone
		row.Because(ledger.NotThere, AbsentReason)
		return row, false
	}
	if r.Refuse(&row) {
		return row, false
	}
	row.State = ledger.Pending
	if dst == nil {
		return row, false
	}
	row.Dst = &ledger.Dst{ETag: dst.Hash, Size: dst.Size, Modified: dst.Modified}
	if r.Job.Overwrite == job.OverwriteAlways {
		return row, false
	}
	if src.Size == dst.Size {
		known := src.MD5 != "" && dst.MD5 != ""
		switch {
		case known && src.MD5 == dst.MD5:
			row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByMD5, r.Losses(src)
			return row, false
		case !known && dst.Modified.Sub(src.Modified) > clockSlack:
			row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByTime, r.Losses(src)
			return row, false
		}
	}
	return row, true
}

// Ask decides a row that Compare could not, by one HEAD of the target, whose error
// it returns.
func (r *Rules) Ask(ctx context.Context, row *ledger.Row) error {
	kept, err := r.Target.Stat(ctx, row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		row.Dst = nil
		return nil
	case err != nil:
		return err
	}
	r.DecideOverwrite(row, kept)
	return nil
}

// DecideOverwrite decides a row by kept, the target's object as a HEAD describes it.
// A row that stays pending is to be copied over kept.
func (r *Rules) DecideOverwrite(row *ledger.Row, kept store.Object) {
	src := row.Src
	switch {
	case Carries(kept, src):
		row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByKept, r.Losses(src)
	case r.Job.Overwrite == job.OverwriteAlways:
	case r.Job.Overwrite == job.OverwriteNever:
		row.State = ledger.Skipped
		row.Because(ledger.LeftNever, "the target holds another object, which overwrite=never leaves alone")
	case r.Job.Overwrite == job.OverwriteNewer && !src.Modified.After(kept.Modified):
		row.State = ledger.Skipped
		row.Because(ledger.LeftNewer, "the target's object is not older than the source's, so overwrite=newer leaves it alone")
	case r.Job.Overwrite == job.OverwriteNewer:
	case r.Foreign(kept) && !kept.Modified.Before(src.Modified.Truncate(time.Second)):
		row.State = ledger.Conflict
		row.Because("", ConflictReason)
	}
	row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
}
