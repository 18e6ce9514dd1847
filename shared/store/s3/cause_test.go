package s3

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// TestWhatRefusesAlikeHasOneCause opens objects whose answers differ in keys, ids,
// hashes and sizes alone.
func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter, id string)
		want   string
	}{
		"refused": {func(w http.ResponseWriter, id string) {
			w.WriteHeader(403)
			_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>not %s</Message><RequestId>%s</RequestId></Error>", id, id)
		}, "s3.Open: denied: status 403 AccessDenied"},
		"a code that is an id": {func(w http.ResponseWriter, id string) {
			w.WriteHeader(500)
			_, _ = fmt.Fprintf(w, "<Error><Code>E%s</Code></Error>", id)
		}, "s3.Open: temporary: status 500"},
		"another version": {func(w http.ResponseWriter, id string) {
			w.Header().Set("ETag", `"x`+id+`"`)
			_, _ = w.Write([]byte("1234567"))
		}, "s3.Open: changed: its ETag is … now, not …"},
	} {
		t.Run(name, func(t *testing.T) {
			id := ""
			b := fake(t, func(w http.ResponseWriter, r *http.Request) { tc.answer(w, id) })
			for _, key := range []string{"a", "b; c", `d "9f3" 77`} {
				id = fmt.Sprintf("%x-%d", key, len(key)*7919)
				_, body, err := b.Open(t.Context(), store.Object{Key: key, Size: 7, Hash: "h" + id}, 0, -1)
				if err == nil {
					_, err = io.ReadAll(body)
					_ = body.Close()
				}
				if got := fault.Cause(err); got != tc.want {
					t.Errorf("the cause of %v is %q, want %q", err, got, tc.want)
				}
			}
		})
	}
}
