package job_test

import (
	"testing"
	"time"

	"kodoferry/shared/job"
)

func TestFieldsAreHeldToTheirBounds(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*job.Job)
		want string
	}{
		"fewer deletes than none":   {func(j *job.Job) { j.MaxDeletes = -2 }, "maxDeletes is -2: write a number from 0"},
		"a share below nothing":     {func(j *job.Job) { j.MaxDeleteShare = -0.5 }, "maxDeleteShare is -0.5: write a share from 0 to 1"},
		"a share above all":         {func(j *job.Job) { j.MaxDeleteShare = 1.5 }, "maxDeleteShare is 1.5: write a share"},
		"deleting by a list":        {func(j *job.Job) { j.Delete, j.KeyList = true, "keys.txt" }, "delete does not go with a list of keys"},
		"too wide a fan":            {func(j *job.Job) { j.Limits.Fanout = 65 }, "limits.fanout is 65: write a number from 1 to 64"},
		"parts above nothing":       {func(j *job.Job) { j.Limits.PartsAbove = 1 }, "limits.partsAbove is 1: write a number from 4194304"},
		"parts above what OSS puts": {func(j *job.Job) { j.Limits.PartsAbove = 5<<30 + 1 }, "limits.partsAbove is"},
		"parts OSS finds too small": {func(j *job.Job) { j.Limits.PartSize = 100_000 }, "limits.partSize is 100000 bytes: OSS takes parts of 100 KB to 5 GB"},
		"an outage of a second":     {func(j *job.Job) { j.Limits.Outage = job.Span(time.Second) }, "limits.outage is 1s: write a duration from 1m0s to 720h0m0s"},
		"an outage of a year":       {func(j *job.Job) { j.Limits.Outage = job.Span(365 * 24 * time.Hour) }, "limits.outage is 8760h0m0s: write a duration"},
		"parts OSS finds too big":   {func(j *job.Job) { j.Limits.PartSize = 6 << 30 }, "limits.partSize is 6442450944 bytes: OSS takes"},
		"parts that cut a block":    {func(j *job.Job) { j.Limits.PartSize = 18 << 20 }, "multiples of 4 MiB"},
		"requests below nothing":    {func(j *job.Job) { j.Limits.Requests = -1 }, "limits.requests is -1"},
		"instances below nothing":   {func(j *job.Job) { j.Limits.Instances = -1 }, "limits.instances is -1"},
		"a rate below nothing":      {func(j *job.Job) { j.Limits.Bandwidth.Rate = -1 }, "limits.bandwidth: the rate is -1"},
		"a size below nothing":      {func(j *job.Job) { j.Filter.MinSize = -1 }, "filter.minSize is -1"},
		"sizes the wrong way round": {func(j *job.Job) { j.Filter.MinSize, j.Filter.MaxSize = 10, 9 }, "filter.maxSize is 9"},
		"times the wrong way round": {func(j *job.Job) { j.Filter.After, j.Filter.Before = time.Unix(9, 0), time.Unix(9, 0) }, "filter.before is"},
		"a class of no service":     {func(j *job.Job) { j.Filter.Classes = []string{"archiv"} }, `filter.classes has "archiv" (did you mean archive?)`},
		"an empty pattern":          {func(j *job.Job) { j.Filter.Suffix = []string{""} }, "filter.suffix has an empty pattern"},
		"a pattern in no script":    {func(j *job.Job) { j.Filter.Include = []string{"\xff"} }, `filter.include "\xff" is not UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.New(src, dst, "", tc.set)
			wrong(t, err, tc.want)
		})
	}
	for name, set := range map[string]func(*job.Job){
		"every word for overwriting, with deletes": func(j *job.Job) { j.Delete, j.Overwrite = true, job.OverwriteNewer },
		"the smallest of all": func(j *job.Job) {
			j.Limits = job.Limits{Fanout: 1, PartsAbove: 4 << 20, PartSize: 4 << 20, Requests: 1, Instances: 1, BatchObjects: 1}
		},
		"the biggest of all": func(j *job.Job) {
			j.Limits = job.Limits{Fanout: 64, PartsAbove: 5 << 30, PartSize: 4 << 30, BatchObjects: 10_000}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := job.New(src, dst, "", set); err != nil {
				t.Errorf("New = %v, want no error", err)
			}
		})
	}
}
