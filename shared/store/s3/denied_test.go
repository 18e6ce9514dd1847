package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// TestARefusalSaysWhichRightIsMissing, whatever was asked; a HEAD is refused without a document.
func TestARefusalSaysWhichRightIsMissing(t *testing.T) {
	b := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
	})
	o := store.Object{Key: "k", Size: 1}
	_, _, open := b.Open(t.Context(), o, 0, -1)
	_, stat := b.Stat(t.Context(), "k")
	var list error
	for _, err := range b.List(t.Context(), store.Range{}) {
		list = err
	}
	for right, err := range map[string]error{"read it; grant them s3:GetObject": open, "look at it; grant them s3:GetObject": stat, "s3:ListBucket": list} {
		if says := fault.Sentence(err); fault.KindOf(err) != fault.Denied || !strings.Contains(says, right) || !strings.Contains(says, "status 403") || strings.Contains(says, `"k"`) {
			t.Errorf("%v is told as %q, want it to name %s and what was answered", err, says, right)
		}
	}
}
