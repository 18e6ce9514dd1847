package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"kodoferry/shared/job"
)

// jobFlags are the flags that shape a job.
type jobFlags struct {
	ledger, class, overwrite, mismatch string
	parallel, batch                    int
	unguarded                          bool
}

func (o *jobFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where the run is kept: oss://bucket/prefix/?region=… (default: .ferry/ in the target's bucket)")
	f.StringVar(&o.class, "class", job.KeepClass, "storage class of the copies: keep, or one for all: standard, ia, archive, deep-archive, deep-cold-archive, archive-ir, intelligent")
	f.StringVar(&o.overwrite, "overwrite", job.OverwriteChanged, "changed: leave alone what is newer in the target and not Ferry's; always: the source wins")
	f.StringVar(&o.mismatch, "hash-mismatch", job.FailMismatch, "fail or copy an object whose bytes, twice and equally, disagree with its listed hash")
	f.IntVar(&o.parallel, "parallel", job.DefaultLimits().Parallel, "objects in flight at the same time in one process")
	f.IntVar(&o.batch, "batch-objects", job.DefaultLimits().BatchObjects, "objects of one batch: what a kill makes Ferry look at again")
	f.BoolVar(&o.unguarded, "unguarded", false, "do not make the PUT of a new key conditional; faster where OSS limits conditional PUTs, less safe")
}

// job is the job that the flags ask for. Its error names every mistake, in the
// words of the flags.
func (o jobFlags) job(src, dst string) (job.Job, error) {
	j, err := job.New(src, dst, o.ledger, func(j *job.Job) {
		j.Class, j.Overwrite, j.HashMismatch, j.Unguarded = o.class, o.overwrite, o.mismatch, o.unguarded
		j.Limits.Parallel, j.Limits.BatchObjects = o.parallel, o.batch
	})
	return j, inFlags(err)
}

// flagWords turns the names that a job has for its parts into those of the flags.
var flagWords = map[string]string{
	"class": "--class", "overwrite": "--overwrite", "hashMismatch": "--hash-mismatch",
	"limits.parallel": "--parallel", "limits.batchObjects": "--batch-objects",
}

// inFlags words the mistakes of a job for the one who wrote flags.
func inFlags(err error) error {
	all := apart(err)
	for i, e := range all {
		if part, rest, ok := strings.Cut(sentence(e), " "); ok && flagWords[part] != "" {
			all[i] = fmt.Errorf("%s %s", flagWords[part], rest)
		}
	}
	return errors.Join(all...)
}
