// Package faulttest holds errors of tests against what they are to be.
package faulttest

import (
	"strings"
	"testing"

	"kodoferry/shared/fault"
)

// Says holds err against its kind, and against all that it is to say.
func Says(t testing.TB, err error, kind fault.Kind, want ...string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Fatalf("error = %v, want kind %s", err, kind)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error = %v, want it to say %q", err, w)
		}
	}
}
