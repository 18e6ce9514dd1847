package ledger

import (
	"errors"

	"kodoferry/shared/fault"
)

// Cause is why an object ended as it did, as a value that it shares with all that
// ended so for the same reason: no key, hash, number or id is part of it. Of what
// was skipped or is gone it is one of those below; of what failed, the sentence of
// the error without its values (fault.Cause). "" is of an older version's row.
type Cause string

// The causes of what is not moved though nothing failed.
const (
	Archived     Cause = "archived"        // and not thawed
	Disabled     Cause = "disabled"        // at the source, by its owner
	LeftNever    Cause = "overwrite-never" // the target has another, which overwrite: never leaves alone
	LeftNewer    Cause = "overwrite-newer" // the target's is not older, so overwrite: newer leaves it alone
	DeletedThere Cause = "deleted-there"   // an earlier run copied it, and it was deleted in the target since
	TakenBack    Cause = "taken-back"      // the job was changed, removed or sealed meanwhile
	NotThere     Cause = "not-there"       // a list of keys names it
	Vanished     Cause = "vanished"        // deleted at the source before it was copied
	VanishedLate Cause = "vanished-late"   // deleted at the source after it was copied
	Unchosen     Cause = "unchosen"        // overwritten at the source meanwhile, and no longer what the filter chooses
	Deleting     Cause = "deleting"        // an event's key that the source does not have
	Other        Cause = "other"           // of rows that do not say, or say what this version does not know
)

// Causes are these, in the order to show them.
var Causes = [...]Cause{Archived, Disabled, LeftNever, LeftNewer, DeletedThere, TakenBack, NotThere, Vanished, VanishedLate, Unchosen, Deleting, Other}

// Unlisted is of an object that was to be deleted from the target, and that the
// source has and had not listed.
const Unlisted Cause = "unlisted"

// ThereBefore is of an object that is present, and nothing ties its bytes to the source.
const ThereBefore Cause = "there-before"

// known is c where it is one of Causes, else Other: so what is counted by it is bounded.
func (c Cause) known() Cause {
	for _, k := range Causes {
		if c == k {
			return c
		}
	}
	return Other
}

// maxReason is how many bytes of a reason a row keeps: a sentence, and a key that is
// quoted byte by byte.
const maxReason = 6 << 10

// Because gives the row a cause and a reason, which says the cause in words for
// this object, and its cure.
func (r *Row) Because(c Cause, reason string) { r.Cause, r.Reason = c, fault.Brief(reason, maxReason) }

// Explain gives the row err as its reason, and the cause of err.
func (r *Row) Explain(err error) { r.Because(CauseOf(err), Reason(err)) }

// Reason is an error in words for a row. An error of kind Invalid, or one of kind Denied that
// has a sentence, is its sentence alone, which names the cure: the operation in front, or of an
// error in it, would only hide it.
func Reason(err error) string {
	if says, ok := alone(err); ok {
		return fault.Sentence(says)
	}
	return err.Error()
}

// CauseOf is the cause of an error as Reason words it, without the operation
// where the sentence says all.
func CauseOf(err error) Cause {
	says, _ := alone(err)
	return Cause(fault.Cause(says))
}

// alone is err without its operation where its sentence says all; ok is false, and it is err,
// where it does not.
func alone(err error) (says error, ok bool) {
	e, ok := errors.AsType[*fault.Error](err)
	if ok && (e.Kind == fault.Invalid || e.Kind == fault.Denied && fault.Worded(e.Err)) {
		return e.Err, true
	}
	return err, false
}

// Failure is the row as one that needs a person.
func (r Row) Failure() Failure {
	return Failure{Key: r.Key(), State: r.State, Verdict: r.Verdict, Reason: r.Reason, Cause: r.Cause}
}
