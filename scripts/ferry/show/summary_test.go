package show

import (
	"strings"
	"testing"

	"kodoferry/shared/report"
)

// TestWhatAJobAcceptsIsNotAdvised has an object that was there before, in a run that is
// incomplete for another one.
func TestWhatAJobAcceptsIsNotAdvised(t *testing.T) {
	for accepted, want := range map[bool]string{
		true:  "\n    they are taken as they are, as present=accept says; present=copy would copy them\n",
		false: "\n    present=copy copies them, present=accept takes them as they are\n",
	} {
		rep := report.Report{Summary: report.Summary{Result: report.Incomplete, Objects: report.Totals{Listed: 2, Present: 1, Failed: 1}}, Accepted: accepted}
		var out strings.Builder
		if err := Summary(&out, rep); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("accepted %v: %v, it does not say %q:\n%s", accepted, err, want, out.String())
		}
	}
}
