package kodo

import (
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// TestARefusalSaysWhichRightIsMissing, whatever was asked.
func TestARefusalSaysWhichRightIsMissing(t *testing.T) {
	for status, want := range map[int][3]string{
		403: {"kodo/get", "kodo/stat", "kodo/list"},
		401: {"QINIU_SECRET_KEY", "QINIU_SECRET_KEY", "QINIU_SECRET_KEY"},
		419: {"account is frozen", "account is frozen", "account is frozen"},
	} {
		b := fake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, "no") })
		_, _, open := b.Open(t.Context(), store.Object{Key: "k", Size: 1}, 0, -1)
		_, stat := b.Stat(t.Context(), "k")
		var list error
		for _, err := range b.List(t.Context(), store.Range{}) {
			list = err
		}
		for i, err := range []error{open, stat, list} {
			if says := fault.Sentence(err); fault.KindOf(err) != fault.Denied || !strings.Contains(says, want[i]) || !strings.Contains(says, "no") || strings.Contains(says, `"k"`) {
				t.Errorf("%d: %v is told as %q, want it to name %s and what Kodo answered", status, err, says, want[i])
			}
		}
	}
}
