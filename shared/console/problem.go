package console

import (
	"context"
	"errors"
	"net/http"

	"kodoferry/shared/fault"
)

// refusal is an error of the console's own: a status, and the sentences by which a page
// tells it.
type refusal struct {
	status int
	name   string // of its sentences: problem.<name>, its title, and problem.<name>.cure
}

func (e refusal) Error() string { return e.name }

var (
	errSignedOut = refusal{http.StatusUnauthorized, "signedout"}
	errHost      = refusal{http.StatusMisdirectedRequest, "host"}
	errOrigin    = refusal{http.StatusForbidden, "origin"}
	errSeal      = refusal{http.StatusForbidden, "seal"}
	errReadOnly  = refusal{http.StatusForbidden, "readonly"}
	errLong      = refusal{http.StatusRequestEntityTooLarge, "long"}
	errForm      = refusal{http.StatusBadRequest, "form"}
	errNoPage    = refusal{http.StatusNotFound, "nopage"}
	errNoFile    = refusal{http.StatusNotFound, "nofile"}
	errLargeFile = refusal{http.StatusRequestEntityTooLarge, "largefile"}
	errNoQueues  = refusal{http.StatusConflict, "noqueues"}
	errNotOver   = refusal{http.StatusConflict, "notover"}
	errNoLimits  = refusal{http.StatusUnprocessableEntity, "nolimits"}
	errElsewhere = refusal{http.StatusForbidden, "elsewhere"}
	errPanic     = refusal{http.StatusInternalServerError, "panic"}
)

// unreachable is an error of the ledger as a whole: what is not there is the bucket, not a run.
type unreachable struct{ error }

func (e unreachable) Unwrap() error { return e.error }

// explain returns the status of an error and the name of its sentences.
func explain(err error) (status int, name string) {
	if r, ok := errors.AsType[refusal](err); ok {
		return r.status, r.name
	}
	_, whole := errors.AsType[unreachable](err)
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

type problemData struct {
	Status int
	Name   string
	Says   []string // what the error itself says; none of a refusal
}

// problem answers with what is wrong and what to do. Of an answer that has begun only the
// log tells.
func (q *request) problem(err error) {
	status, name := explain(err)
	if status >= 500 {
		q.console.o.Log.ErrorContext(q.Context(), "a page was not answered", "path", q.URL.Path, "fault", fault.KindOf(err), "err", err)
	}
	if q.wrote {
		return
	}
	d := problemData{Status: status, Name: name}
	if _, own := errors.AsType[refusal](err); !own {
		d.Says = sentences(err)
	}
	if name == "signedout" && q.Method == http.MethodGet && !q.wantsJSON() {
		v := view{Page: "signin", Title: q.lang.Say("signin.title"), Data: signInData{Who: q.console.o.Who, Back: back(q.URL.RequestURI())}}
		_ = q.show(status, v) // the browser is gone
		return
	}
	if status == http.StatusServiceUnavailable {
		q.w.Header().Set("Retry-After", "5")
	}
	if q.wantsJSON() {
		_ = q.json(status, map[string]any{"error": q.lang.Say("problem." + name), "cure": q.lang.Say("problem." + name + ".cure"), "says": q.tell(d.Says)})
		return
	}
	_ = q.show(status, view{Page: "problem", Title: q.lang.Say("problem." + name), Data: d})
}

// tell returns sentences in the request's language.
func (q *request) tell(all []string) []string {
	told := make([]string, len(all))
	for i, says := range all {
		told[i] = q.lang.Tell(says)
	}
	return told
}

// sentences are those of an error, and of those it joins.
func sentences(err error) []string {
	var all []string
	for _, e := range fault.Apart(err) {
		all = append(all, fault.Sentence(e))
	}
	return all
}
