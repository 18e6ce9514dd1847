package kodo

import (
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.Causes(t, func(t *testing.T, h http.HandlerFunc) store.Source { return fake(t, h) }, map[string]storetest.Refusal{
		"refused": {Answer: func(w http.ResponseWriter, id string) { refuse(w, 401, "bad token "+id) }, Cause: "kodo.Open: denied: status 401"},
		"failed": {Answer: func(w http.ResponseWriter, id string) {
			w.Header().Set("X-Reqid", id)
			w.WriteHeader(500)
		}, Cause: "kodo.Open: temporary: status 500"},
	})
}
