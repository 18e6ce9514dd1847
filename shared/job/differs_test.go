package job_test

import (
	"slices"
	"testing"
	"time"

	"kodoferry/shared/job"
)

func TestJobsDifferInWhatTheyDoNotInHowFastOrByWhichWay(t *testing.T) {
	make := func(src, dst string, set ...func(*job.Job)) job.Job {
		j, err := job.New(src, dst, "", set...)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	const src, dst = "kodo://photos/a/?region=z0", "oss://photos-new/?region=cn-hangzhou"
	for name, tc := range map[string]struct {
		a, b job.Job
		want []string
	}{
		"the same":      {make(src, dst), make(src, dst), nil},
		"another way":   {make(src, dst), make(src+"&domain=img.example.com", dst+"&endpoint=internal"), nil},
		"other limits":  {make(src, dst), make(src, dst, func(j *job.Job) { j.Limits.Parallel, j.Limits.Bandwidth.Rate = 3, 1e6 }), nil},
		"another place": {make(src, dst), make("kodo://photos/b/?region=z0", "oss://other/?region=cn-hangzhou"), []string{"source", "target"}},
		"deletions":     {make(src, dst), make(src, dst, func(j *job.Job) { j.Delete = true }), []string{"delete"}},
		"more deletions": {
			make(src, dst, func(j *job.Job) { j.Delete = true }),
			make(src, dst, func(j *job.Job) { j.Delete, j.MaxDeletes = true, 5 }), []string{"maxDeletes"},
		},
		"no deletions": {
			make(src, dst, func(j *job.Job) { j.Delete = true }),
			make(src, dst, func(j *job.Job) { j.Delete, j.MaxDeletes, j.MaxDeleteShare = true, job.NoDeletes, 0.5 }), []string{"maxDeletes", "maxDeleteShare"},
		},
		"what would be deleted if it were": {make(src, dst), make(src, dst, func(j *job.Job) { j.MaxDeletes = 5 }), nil},
		"choice": {
			make(src, dst, func(j *job.Job) { j.Filter.After = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }),
			make(src, dst, func(j *job.Job) { j.Filter.Suffix = []string{".jpg"} }), []string{"filter"},
		},
		"policies": {
			make(src, dst), make(src, dst, func(j *job.Job) {
				j.Class, j.HashMismatch, j.Overwrite, j.Unguarded, j.KeyList = "ia", job.CopyMismatch, job.OverwriteNever, true, "keys.txt"
				j.AllowEmpty = true
			}), []string{"class", "hashMismatch", "overwrite", "unguarded", "allowEmpty", "keyList"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := job.Encode(tc.a)
			if err != nil {
				t.Fatal(err)
			}
			frozen, err := job.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := frozen.Differs(tc.b); !slices.Equal(got, tc.want) {
				t.Errorf("they differ in %q, want %q", got, tc.want)
			}
		})
	}
}
