// Package problem says what is wrong with a request to the console, or with what it asked for:
// a status, and the name of the sentences by which a page tells it.
package problem

import (
	"context"
	"errors"
	"net/http"

	"kodoferry/shared/fault"
)

// Refusal is an error of the console's own: a status, and the sentences by which a page
// tells it.
type Refusal struct {
	Status int
	Name   string // of its sentences: problem.<name>, its title, and problem.<name>.cure
}

func (e Refusal) Error() string { return e.Name }

var (
	SignedOut = Refusal{http.StatusUnauthorized, "signedout"}
	Host      = Refusal{http.StatusMisdirectedRequest, "host"}
	Origin    = Refusal{http.StatusForbidden, "origin"}
	Seal      = Refusal{http.StatusForbidden, "seal"}
	ReadOnly  = Refusal{http.StatusForbidden, "readonly"}
	Long      = Refusal{http.StatusRequestEntityTooLarge, "long"}
	Form      = Refusal{http.StatusBadRequest, "form"}
	NoPage    = Refusal{http.StatusNotFound, "nopage"}
	NoFile    = Refusal{http.StatusNotFound, "nofile"}
	LargeFile = Refusal{http.StatusRequestEntityTooLarge, "largefile"}
	NoQueues  = Refusal{http.StatusConflict, "noqueues"}
	NotOver   = Refusal{http.StatusConflict, "notover"}
	NoLimits  = Refusal{http.StatusUnprocessableEntity, "nolimits"}
	Elsewhere = Refusal{http.StatusForbidden, "elsewhere"}
	Typed     = Refusal{http.StatusUnprocessableEntity, "typed"}
	Panic     = Refusal{http.StatusInternalServerError, "panic"}
)

// Unreachable is an error of the ledger as a whole: what is not there is the bucket, not a run.
type Unreachable struct{ Err error }

func (e Unreachable) Error() string { return e.Err.Error() }
func (e Unreachable) Unwrap() error { return e.Err }

// Explain returns the status of an error and the name of its sentences.
func Explain(err error) (status int, name string) {
	if r, ok := errors.AsType[Refusal](err); ok {
		return r.Status, r.Name
	}
	_, whole := errors.AsType[Unreachable](err)
	switch kind := fault.KindOf(err); {
	case whole && (kind == fault.NotFound || kind == fault.Denied || kind == fault.Invalid):
		return http.StatusBadGateway, "ledger"
	case kind == fault.NotFound:
		return http.StatusNotFound, "notfound"
	case kind == fault.Invalid:
		return http.StatusUnprocessableEntity, "invalid"
	case kind == fault.Denied:
		return http.StatusBadGateway, "denied"
	case kind == fault.Newer:
		return http.StatusNotImplemented, "newer"
	case kind == fault.Corrupt:
		return http.StatusBadGateway, "corrupt"
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "slow"
	}
	return http.StatusServiceUnavailable, "unanswered"
}
