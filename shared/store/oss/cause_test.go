package oss

import (
	"net/http"
	"testing"

	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

func TestWhatRefusesAlikeHasOneCause(t *testing.T) {
	storetest.CausesOfXML(t, "oss", "the access key may not read it; grant it oss:GetObject on the bucket's objects", "it has ETag …, not …", func(t *testing.T, h http.HandlerFunc) store.Source { return serve(t, h) })
}
