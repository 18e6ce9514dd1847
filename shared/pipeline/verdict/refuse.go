package verdict

import (
	"cmp"
	"fmt"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// ambiguous is the cause of a row whose object the listing does not name for sure.
const ambiguous ledger.Cause = "the listing names keys in a way that may stand for others; rename the objects at the source, or copy them by a service that encodes keys"

// Refuse reports whether the object of a row cannot be copied at all. If so, the row
// is Failed or Skipped and has the reason.
func (r *Rules) Refuse(row *ledger.Row) bool {
	src := &row.Src
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
	if err := r.Target.CheckKey(src.Key); err != nil {
		return fails(err)
	}
	switch {
	case r.InLedger(src.Key):
		return fails(fault.Errorf("its target key %q is under the ledger's prefix %q; put the ledger elsewhere (--ledger), or give the target a prefix", r.Job.TargetKey(src.Key), r.Job.Ledger.Prefix))
	case src.Disabled:
		return skips(ledger.Disabled, cmp.Or(r.Source.Disabled, "it is disabled at the source; enable it to have it copied"))
	case src.Frozen && !r.Job.Thaw:
		return skips(ledger.Archived, fmt.Sprintf("it is archived (%s) and not thawed; restore it (%s) and run again", src.Class, cmp.Or(r.Source.Thaw, "thaw")))
	case src.Size > MaxParts*MaxPart:
		return fails(fault.Errorf("it has %d bytes, and OSS holds no object of more than %d; split it at the source", src.Size, int64(MaxParts*MaxPart)))
	}
	return false
}

// InLedger reports whether the target key of a source key lies where the job's ledger
// does.
func (r *Rules) InLedger(key string) bool {
	return r.Job.Ledger.Bucket == r.Job.Target.Bucket && strings.HasPrefix(r.Job.TargetKey(key), r.Job.Ledger.Prefix)
}
