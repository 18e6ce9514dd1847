package near_test

import (
	"testing"

	"kodoferry/shared/job/near"
)

func TestTheNearestWordIsFoundUpToTwoLettersOff(t *testing.T) {
	words := []string{"copy", "cancel", "clean"}
	for s, want := range map[string]string{
		"copy": "copy", "COPY": "copy", "cpoy": "copy", "cop": "copy", "coppy": "copy", "cancle": "cancel", "clena": "clean",
		"co": "copy", "c": "", "": "", "export": "", "cancellation": "",
	} {
		if got := near.Word(s, words...); got != want {
			t.Errorf("the nearest of %q to %q is %q, want %q", words, s, got, want)
		}
	}
}
