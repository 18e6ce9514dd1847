package kodo

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
		"refused": {func(w http.ResponseWriter, id string) { refuse(w, 401, "bad token "+id) }, "kodo.Open: denied: status 401"},
		"failed": {func(w http.ResponseWriter, id string) {
			w.Header().Set("X-Reqid", id)
			w.WriteHeader(500)
		}, "kodo.Open: temporary: status 500"},
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
