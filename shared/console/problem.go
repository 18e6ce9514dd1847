package console

import (
	"errors"
	"net/http"

	"kodoferry/shared/console/problem"
	"kodoferry/shared/fault"
)

type problemData struct {
	Status int
	Name   string
	Says   []string // what the error itself says; none of a refusal
}

// problem answers with what is wrong and what to do. Of an answer that has begun only the
// log tells.
func (q *request) problem(err error) {
	status, name := problem.Explain(err)
	if status >= 500 {
		q.console.o.Log.ErrorContext(q.Context(), "a page was not answered", "path", q.URL.Path, "fault", fault.KindOf(err), "err", err)
	}
	if q.wrote {
		return
	}
	d := problemData{Status: status, Name: name}
	if _, own := errors.AsType[problem.Refusal](err); !own {
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
