package outage

import (
	"errors"

	"kodoferry/shared/ledger"
)

// objectError is an error of one object that a whole task is about.
type objectError struct {
	key string
	err error
}

func (e *objectError) Error() string { return e.err.Error() }
func (e *objectError) Unwrap() error { return e.err }

// AtObject says that err arose where the object of that key was dealt with. What
// the ledger answered is the ledger's all the same.
func AtObject(key string, err error) error {
	if err == nil || ledger.IsTrouble(err) {
		return err
	}
	return &objectError{key, err}
}

// OfOneObject reports whether err is trouble with one object alone: the sides answer, or
// were not in question. Giving its task up costs that object, and everything else goes on.
func OfOneObject(err error) bool {
	_, ok := ObjectOf(err)
	return ok
}

// ObjectOf returns the key of the object that err arose at, and false if at none alone.
func ObjectOf(err error) (key string, ok bool) {
	if e, ok := errors.AsType[*objectError](err); ok {
		return e.key, true
	}
	return "", false
}
