package kodo

import (
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.Causes(t, func(t *testing.T, h http.HandlerFunc) store.Source { return fake(t, h) }, map[string]storetest.Refusal{
		"refused":   {Answer: func(w http.ResponseWriter, id string) { refuse(w, 401, "bad token "+id) }, Cause: "kodo.Open: denied: Kodo refuses the keys: check QINIU_ACCESS_KEY and QINIU_SECRET_KEY, copied whole and from one account (status 401)"},
		"forbidden": {Answer: func(w http.ResponseWriter, id string) { refuse(w, 403, "no "+id) }, Cause: "kodo.Open: denied: it may not be read; grant the keys kodo/get on the bucket, and see that no rule of the domain (referer, addresses) refuses this machine (status 403)"},
		"failed": {Answer: func(w http.ResponseWriter, id string) {
			w.Header().Set("X-Reqid", id)
			w.WriteHeader(500)
		}, Cause: "kodo.Open: temporary: status 500"},
	})
}
