package job_test

import (
	"strings"
	"testing"

	"kodoferry/shared/job"
)

func TestAWordThatNoPolicyHasIsRefusedWithThoseThatItHas(t *testing.T) {
	for field, tc := range map[string]struct {
		set  func(*job.Job)
		want string
	}{
		"present":         {func(j *job.Job) { j.Present = "trust" }, `present is "trust": write one of prove, accept, copy`},
		"deletedInTarget": {func(j *job.Job) { j.DeletedInTarget = "skip" }, `deletedInTarget is "skip": write one of copy, leave`},
		"attributes":      {func(j *job.Job) { j.Attributes = "copy" }, `attributes is "copy": write one of follow, ignore`},
	} {
		_, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", tc.set)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", field, err, tc.want)
		}
	}
}
