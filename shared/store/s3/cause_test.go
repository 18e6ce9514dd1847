package s3

import (
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.CausesOfXML(t, "s3", "the keys may not read it; grant them s3:GetObject on the bucket's objects", "its ETag is … now, not …", func(t *testing.T, h http.HandlerFunc) store.Source { return fake(t, h) })
}
