package verdict

import (
	"errors"
	"fmt"
	"reflect"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Unwanted is the error of a write or a removal that is not to be done any more. Its
// kind is Invalid: no second try cures it.
type Unwanted struct {
	Standing ledger.Standing // of the run, if that is stopped: nothing is decided of the object
	Why      string          // else, in words for its row
}

func (u *Unwanted) Error() string {
	if u.Standing != "" {
		return "the run is " + string(u.Standing)
	}
	return u.Why
}

// Unwrap returns a fault, which has the kind.
func (u *Unwanted) Unwrap() error { return fault.New(fault.Invalid, "pipeline.wanted", "", nil) }

// IsUnwanted returns the Unwanted that err is or wraps.
func IsUnwanted(err error) (*Unwanted, bool) { return errors.AsType[*Unwanted](err) }

// TakenBack says what of the run's job the kept one, now, has taken back so that o is
// not to be written, or, with removal, its copy not to be removed any more; "" if
// nothing. events says that the run is one of events. An error says that the filter of
// now is wrong.
func (r *Rules) TakenBack(now job.Job, o store.Object, events, removal bool) (string, error) {
	match := r.Match
	if !reflect.DeepEqual(now.Filter, r.Job.Filter) {
		var err error
		if match, err = now.Filter.Compile(now.Source.Prefix); err != nil {
			return "", err
		}
	}
	switch {
	case removal && !now.Delete:
		return fmt.Sprintf("the job %s does not mirror deletions any more", now.Name), nil
	case !samePlace(now.Source, r.Job.Source) || !samePlace(now.Target, r.Job.Target):
		return fmt.Sprintf("the job %s has another source or target now", now.Name), nil
	case events && !now.Follows(r.Job.Source.Bucket, o.Key):
		return fmt.Sprintf("the job %s does not follow events any more", now.Name), nil
	case removal && !match.MatchKey(o.Key), !removal && !match.Match(&o):
		return fmt.Sprintf("the filter of the job %s does not choose it any more", now.Name), nil
	}
	return "", nil
}

func samePlace(a, b job.Location) bool {
	return a.Scheme == b.Scheme && a.Bucket == b.Bucket && a.Prefix == b.Prefix
}
