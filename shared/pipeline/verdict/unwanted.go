package verdict

import (
	"errors"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
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
