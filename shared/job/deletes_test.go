package job_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"kodoferry/shared/job"
)

// TestNoDeletionsAreNotTakenForTheDefault reads what a job's file says of how much
// may be removed, and keeps and reads it again, as a run's own copy of its job is.
func TestNoDeletionsAreNotTakenForTheDefault(t *testing.T) {
	for text, want := range map[string]struct {
		most  int64
		share float64
	}{
		"":                                      {1000, 0.1},
		", maxDeletes: 0":                       {0, 0.1},
		", maxDeletes: 1":                       {1, 0.1},
		", maxDeletes: 0, maxDeleteShare: 0":    {0, 0},
		", maxDeleteShare: 0%":                  {1000, 0},
		", maxDeleteShare: 25%":                 {1000, 0.25},
		", maxDeleteShare: 0.25":                {1000, 0.25},
		", maxDeleteShare: 1":                   {1000, 1},
		", maxDeletes: 7, maxDeleteShare: 100%": {7, 1},
	} {
		filed, err := job.ParseFile(fmt.Appendf(nil, twoJobs, text+", delete: true"), "ferry.yaml")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		data, err := job.Encode(filed[0])
		if err != nil {
			t.Fatal(err)
		}
		kept, err := job.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range []job.Job{filed[0], kept, kept.WithDefaults()} {
			if j.Deletes() != want.most || j.DeleteShare() != want.share {
				t.Errorf("%s: %d and %v may be removed, want %d and %v", text, j.Deletes(), j.DeleteShare(), want.most, want.share)
			}
			if err := j.Validate(); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	for text, want := range map[string]string{
		", maxDeletes: -1":       "maxDeletes: -1 is below 0",
		", maxDeletes: some":     `maxDeletes: "some" is no whole number`,
		", maxDeleteShare: 25":   `maxDeleteShare: "25" is no share`,
		", maxDeleteShare: 101%": `maxDeleteShare: "101%" is no share`,
		", maxDeleteShare: -10%": `maxDeleteShare: "-10%" is no share`,
		", maxDeleteShare: NaN":  `maxDeleteShare: "NaN" is no share`,
	} {
		if _, err := job.ParseFile(fmt.Appendf(nil, twoJobs, text), "ferry.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestAJobOfBeforeKeepsItsDefaults reads a job that an earlier version kept.
func TestAJobOfBeforeKeepsItsDefaults(t *testing.T) {
	of, err := job.New(src, dst, "", func(j *job.Job) { j.Delete, j.MaxDeletes, j.MaxDeleteShare = true, 7, 0.5 })
	if err != nil {
		t.Fatal(err)
	}
	data, err := job.Encode(of)
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.Decode(regexp.MustCompile(`"(maxDeletes|maxDeleteShare)": [^,]*,`).ReplaceAll(data, nil))
	if err != nil || j.Deletes() != 1000 || j.DeleteShare() != 0.1 {
		t.Errorf("%d and %v may be removed (%v), want 1000 and a tenth", j.Deletes(), j.DeleteShare(), err)
	}
}
