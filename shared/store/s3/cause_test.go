package s3

import (
	"fmt"
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.Causes(t, func(t *testing.T, h http.HandlerFunc) store.Source { return fake(t, h) }, map[string]storetest.Refusal{
		"refused": {Answer: func(w http.ResponseWriter, id string) {
			w.WriteHeader(403)
			_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>not %s</Message><RequestId>%s</RequestId></Error>", id, id)
		}, Cause: "s3.Open: denied: status 403 AccessDenied"},
		"a code that is an id": {Answer: func(w http.ResponseWriter, id string) {
			w.WriteHeader(500)
			_, _ = fmt.Fprintf(w, "<Error><Code>E%s</Code></Error>", id)
		}, Cause: "s3.Open: temporary: status 500"},
		"another version": {Answer: func(w http.ResponseWriter, id string) {
			w.Header().Set("ETag", `"x`+id+`"`)
			_, _ = w.Write([]byte("1234567"))
		}, Cause: "s3.Open: changed: its ETag is … now, not …"},
	})
}
