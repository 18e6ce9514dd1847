package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// absentReason is of a key that the job's list names and the source does not have.
const absentReason = "the list of keys names it, and the source does not have it"

const (
	// maxParts and maxPart are what OSS takes of one upload (OSS, "UploadPart").
	maxParts = 10_000
	maxPart  = 5 << 30
	// slack is how much newer a target must be before its time alone tells
	// that it was written after the source: clocks differ, and OSS tells whole seconds.
	slack = 15 * time.Minute
)

// judge says what a listed object needs. dst is the target's object of the
// same key, nil if there is none. It asks the target (one HEAD) only where the
// listings cannot decide.
func (r *run) judge(ctx context.Context, src store.Object, dst *store.Object) (ledger.Row, error) {
	row, asks := r.compareListed(src, dst)
	if asks {
		if err := r.askTarget(ctx, &row); err != nil {
			return row, err
		}
	}
	return row, nil
}

// compareListed says what a listed object needs as far as the listings tell; asks
// says that they do not, and that the target is to be asked.
func (r *run) compareListed(src store.Object, dst *store.Object) (row ledger.Row, asks bool) {
	row = ledger.Row{Src: src, At: r.Now().UTC()}
	if absent(src) {
		row.Src.Size, row.State = 0, ledger.Gone
		row.Because(ledger.NotThere, absentReason)
		return row, false
	}
	if r.refuse(&row) {
		return row, false
	}
	row.State = ledger.Pending
	if dst == nil {
		return row, false
	}
	row.Dst = &ledger.Dst{ETag: dst.Hash, Size: dst.Size, Modified: dst.Modified}
	if r.job.Overwrite == job.OverwriteAlways {
		return row, false
	}
	if src.Size == dst.Size {
		known := src.MD5 != "" && dst.MD5 != ""
		switch {
		case known && src.MD5 == dst.MD5:
			row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByMD5, r.lost(src)
			return row, false
		case !known && dst.Modified.Sub(src.Modified) > slack:
			row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByTime, r.lost(src)
			return row, false
		}
	}
	return row, true
}

// askTarget decides a row that the listings could not: one HEAD of the target.
func (r *run) askTarget(ctx context.Context, row *ledger.Row) error {
	kept, err := r.dst.Stat(ctx, row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		row.Dst = nil
		return nil
	case err != nil:
		return err
	}
	r.weigh(row, kept)
	return nil
}

// weigh decides, by all that is known of the target's object, what becomes of
// the source's, which is row's.
func (r *run) weigh(row *ledger.Row, kept store.Object) {
	src := row.Src
	switch {
	case carries(kept, src):
		row.State, row.Proof, row.Warnings = ledger.Unchanged, ledger.ByKept, r.lost(src)
	case r.job.Overwrite == job.OverwriteAlways:
	case r.job.Overwrite == job.OverwriteNever:
		row.State = ledger.Skipped
		row.Because(ledger.LeftNever, "the target holds another object, which overwrite=never leaves alone")
	case r.job.Overwrite == job.OverwriteNewer && !src.Modified.After(kept.Modified):
		row.State = ledger.Skipped
		row.Because(ledger.LeftNewer, "the target's object is not older than the source's, so overwrite=newer leaves it alone")
	case r.job.Overwrite == job.OverwriteNewer:
	case r.others(kept) && !kept.Modified.Before(src.Modified.Truncate(time.Second)):
		row.State = ledger.Conflict
		row.Because("", conflictReason)
	}
	row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
}

const conflictReason = "the target holds a newer object that this job did not write; it was left alone (overwrite=always would replace it)"

// ambiguous is the cause of what a listing does not name for sure.
const ambiguous ledger.Cause = "the listing names keys in a way that may stand for others; rename the objects at the source, or copy them by a service that encodes keys"

// refuse reports whether the row's object cannot be copied at all, and takes why
// into the row.
func (r *run) refuse(row *ledger.Row) bool {
	src, target := row.Src, r.job.TargetKey(row.Key())
	fails := func(err error) bool {
		row.State = ledger.Failed
		row.Explain(err)
		return true
	}
	skips := func(c ledger.Cause, reason string) bool {
		row.State = ledger.Skipped
		row.Because(c, reason)
		return true
	}
	if src.Ambiguous != "" {
		row.State = ledger.Failed
		row.Because(ambiguous, src.Ambiguous)
		return true
	}
	if err := r.dst.CheckKey(src.Key); err != nil {
		return fails(err)
	}
	switch {
	case r.ledgers(target):
		return fails(fault.Errorf("its target key %q is under the ledger's prefix %q; put the ledger elsewhere (--ledger), or give the target a prefix", target, r.job.Ledger.Prefix))
	case src.Disabled:
		return skips(ledger.Disabled, "it is disabled at the source; enable it (chstatus) to have it copied")
	case src.Frozen:
		return skips(ledger.Archived, fmt.Sprintf("it is archived (%s) and not thawed; restore it (%s) and run again", src.Class, r.thawing()))
	case src.Size > maxParts*maxPart:
		return fails(fault.Errorf("it has %d bytes, and OSS holds no object of more than %d; split it at the source", src.Size, int64(maxParts*maxPart)))
	}
	return false
}

// thawing is what the source calls the thawing of an archived object.
func (r *run) thawing() string {
	if r.job.Source.Scheme == job.S3 {
		return "RestoreObject"
	}
	return "restoreAr"
}

// ledgers reports whether a target key is the ledger's.
func (r *run) ledgers(target string) bool {
	return r.job.Ledger.Bucket == r.job.Target.Bucket && strings.HasPrefix(target, r.job.Ledger.Prefix)
}

// carries reports whether a target object is Ferry's copy of src: it carries
// the source's hash, or, where the source has none, its upload time.
func carries(dst, src store.Object) bool {
	switch {
	case dst.Origin == nil, dst.Size != src.Size:
		return false
	case src.Hash == "":
		return dst.Origin.Hash == "" && dst.Origin.Modified.Equal(src.Modified)
	}
	return dst.Origin.Hash == src.Hash
}

// sameVersion reports whether two listings of the source show the same content.
func sameVersion(a, b store.Object) bool {
	if a.Size != b.Size || a.Hash != b.Hash || a.Disabled != b.Disabled {
		return false
	}
	return a.Hash != "" || a.Modified.Equal(b.Modified)
}
