package s3

import (
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.CausesOfXML(t, "s3", "its ETag is … now, not …", func(t *testing.T, h http.HandlerFunc) store.Source { return fake(t, h) })
}
