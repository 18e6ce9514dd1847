package app_test

import (
	"strings"
	"testing"

	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// TestADeploymentTellsWhatItDidNotFindOrMove runs jobs through the queues whose
// prefix has nothing, and one with objects that are not moved.
func TestADeploymentTellsWhatItDidNotFindOrMove(t *testing.T) {
	for name, tc := range map[string]struct {
		set   func(*job.Job)
		want  report.Result
		why   string
		moved int64
	}{
		"nothing below the prefix":    {func(j *job.Job) { j.Source.Prefix = "2019/" }, report.Incomplete, "nothing was listed below 2019/; there are photos/", 0},
		"nothing, and that may be so": {func(j *job.Job) { j.Source.Prefix, j.AllowEmpty = "2019/", true }, report.Verified, "", 0},
		"something is not moved":      {func(*job.Job) {}, report.Verified, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.object(t, "photos/1", 10)
			if _, err := o.kodo.Put("photos", kodo.Object{Key: "photos/2", Body: []byte("x"), Type: 2}); err != nil {
				t.Fatal(err)
			}
			rep := o.end(t, o.start(t, o.job(t, tc.set)))
			if rep.Result != tc.want || !strings.Contains(rep.Reason, tc.why) || (tc.why == "") != (rep.Reason == "") {
				t.Errorf("%s, %q, want %s, %q", rep.Result, rep.Reason, tc.want, tc.why)
			}
			if rep.NotMoved != tc.moved || rep.Causes[ledger.Archived].Objects != tc.moved {
				t.Errorf("%d not moved, by %v, want %d", rep.NotMoved, rep.Causes, tc.moved)
			}
		})
	}
}
