package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// jobFlags are the flags that make up a job, and the one that names a file of jobs.
type jobFlags struct {
	file, ledger                                                                   string
	class, overwrite, mismatch                                                     string
	include, exclude, includeRegexp, excludeRegexp, suffix, classes                []string
	minSize, maxSize, after, before, keys, bandwidth, partSize, partsAbove, outage string
	unguarded, delete, allowEmpty                                                  bool
	maxDeletes                                                                     int64
	maxDeleteShare                                                                 string
	parallel, batch, requests, instances, fanout                                   int
	shape                                                                          []flagGroup
}

// add adds these flags and more to c, with a help in groups.
func (o *jobFlags) add(c *cobra.Command, more func(*pflag.FlagSet)) {
	o.shape = []flagGroup{
		{"Which objects (patterns are held against keys without SRC's prefix)", o.choice()},
		{"What happens to them", o.policies()},
		{"How fast", o.limits()},
	}
	run := pflag.NewFlagSet("", pflag.ContinueOnError)
	run.StringVar(&o.file, "file", defaultFile, "the file that has the job NAME; infra/ferry.example.yaml shows all that can stand in one")
	run.StringVar(&o.ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where the run is kept: oss://bucket/prefix/?region=… (default: .ferry/ in the target's bucket)")
	more(run)
	group(c, append(o.shape, flagGroup{"The run", run})...)
}

// choice returns the flags of a job's filter.
func (o *jobFlags) choice() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringArrayVar(&o.include, "include", nil, "only keys that this `GLOB` matches, or another --include or --include-regexp; * and ? stay within a level, ** alone between slashes is any number of levels: '**/*.{jpg,png}', 'raw/**'")
	f.StringArrayVar(&o.exclude, "exclude", nil, "no keys that this `GLOB` matches")
	f.StringArrayVar(&o.includeRegexp, "include-regexp", nil, "as --include, by an `EXPRESSION` in RE2 that matches anywhere in the key: '^[0-9]{8}/'")
	f.StringArrayVar(&o.excludeRegexp, "exclude-regexp", nil, "no keys that this `EXPRESSION` matches")
	f.StringArrayVar(&o.suffix, "suffix", nil, "only keys that end in this `TEXT`, or another --suffix: .jpg")
	f.StringVar(&o.minSize, "min-size", "", "only objects of at least this `SIZE`: 4KiB, 1.5GB, or a number of bytes")
	f.StringVar(&o.maxSize, "max-size", "", "only objects of at most this `SIZE`")
	f.StringVar(&o.after, "after", "", "only what was uploaded at this `TIME` or later: 2024-01-31 (its beginning, UTC) or 2024-01-31T09:00:00+08:00")
	f.StringVar(&o.before, "before", "", "only what was uploaded before this `TIME`")
	f.StringArrayVar(&o.classes, "only-class", nil, "only objects of this storage `CLASS` at the source, or another --only-class; words as for --class")
	f.BoolVar(&o.allowEmpty, "allow-empty", false, "a run that finds nothing to copy is verified all the same; without it, that is taken for a mistake (exit code 3)")
	f.StringVar(&o.keys, "keys", "", "the keys that this `FILE` names, instead of a listing: whole keys, one a line; a line that begins with \" is a JSON string")
	return f
}

// policies returns the flags of what a job does with the objects.
func (o *jobFlags) policies() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringVar(&o.class, "class", job.KeepClass, "storage `CLASS` of the copies: keep, or one for all: standard, ia, archive, deep-archive, deep-cold-archive, archive-ir, intelligent")
	f.StringVar(&o.overwrite, "overwrite", job.OverwriteChanged, "what becomes of an object that the target has and that differs, in one `WORD`: changed replaces it unless it is newer and not Ferry's; newer replaces it if the source's was uploaded later; never keeps it; always replaces it")
	f.BoolVar(&o.delete, "delete", false, "mirror: at the end remove from the target what this job once copied and the source no longer has")
	f.Int64Var(&o.maxDeletes, "max-deletes", job.Job{}.WithDefaults().MaxDeletes, "with --delete: if more than that would be removed, remove none; with 0 none is, ever")
	f.StringVar(&o.maxDeleteShare, "max-delete-share", "", "with --delete: if 10 objects or more would be removed, and they are more than this `SHARE` of what the target has there, remove none: 25% or 0.25 (default: 10%)")
	f.StringVar(&o.mismatch, "hash-mismatch", job.FailMismatch, "`WORD` for an object whose bytes, twice and equally, disagree with its listed hash: fail or copy")
	f.BoolVar(&o.unguarded, "unguarded", false, "do not make the PUT of a new key conditional; faster where OSS limits conditional PUTs, less safe")
	return f
}

// limits returns the flags of a job's limits.
func (o *jobFlags) limits() *pflag.FlagSet {
	d := job.DefaultLimits()
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringVar(&o.bandwidth, "bandwidth", "", "most bytes a second of all processes together: 20MiB/s, or a `RATE` with a timetable: '200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai'")
	f.IntVar(&o.requests, "requests", 0, "most requests a second of all processes together, to both sides (default: no bound)")
	f.IntVar(&o.instances, "instances", 0, "most processes at work at the same time (default: no bound)")
	f.IntVar(&o.parallel, "parallel", d.Parallel, "objects in flight at the same time in one process")
	f.IntVar(&o.batch, "batch-objects", d.BatchObjects, "most objects of one batch: what a kill makes Ferry look at again")
	f.IntVar(&o.fanout, "fanout", d.Fanout, "stretches of keys that one listing leaves the rest in, at most; 1 lists in one chain")
	f.StringVar(&o.partsAbove, "parts-above", "", "objects above this `SIZE` go in parts (default: 256MiB, in functions 32MiB)")
	f.StringVar(&o.partSize, "part-size", "", "`SIZE` of the first part, a multiple of 4MiB; larger where 10,000 would not do (default: 16MiB)")
	f.StringVar(&o.outage, "outage", "", "how long, as 90m or 24h, a source or target that does not answer at all is waited for, without spending tries (default: 24h)")
	return f
}

// job returns the job of the flags. The error has every mistake, in the words of the
// flags.
func (o *jobFlags) job(src, dst string) (job.Job, error) {
	var errs []error
	var want job.Job
	f, l := &want.Filter, &want.Limits
	f.Include, f.Exclude, f.IncludeRegexp, f.ExcludeRegexp = o.include, o.exclude, o.includeRegexp, o.excludeRegexp
	f.Suffix, f.Classes = o.suffix, o.classes
	read(&errs, "min-size", o.minSize, &f.MinSize, job.ParseSize)
	read(&errs, "max-size", o.maxSize, &f.MaxSize, job.ParseSize)
	read(&errs, "after", o.after, &f.After, job.ParseTime)
	read(&errs, "before", o.before, &f.Before, job.ParseTime)
	read(&errs, "bandwidth", o.bandwidth, &l.Bandwidth, job.ParseBandwidth)
	read(&errs, "part-size", o.partSize, &l.PartSize, job.ParseSize)
	read(&errs, "parts-above", o.partsAbove, &l.PartsAbove, job.ParseSize)
	read(&errs, "outage", o.outage, &l.Outage, func(s string) (d job.Span, err error) { err = d.UnmarshalText([]byte(s)); return d, err })
	l.Parallel, l.BatchObjects, l.Fanout, l.Requests, l.Instances = o.parallel, o.batch, o.fanout, o.requests, o.instances
	want.Class, want.Overwrite, want.HashMismatch, want.Unguarded = o.class, o.overwrite, o.mismatch, o.unguarded
	if want.MaxDeletes = cmp.Or(o.maxDeletes, job.NoDeletes); o.maxDeletes < 0 {
		errs = append(errs, fmt.Errorf("--max-deletes is %d: write a number from 0", o.maxDeletes))
	}
	read(&errs, "max-delete-share", o.maxDeleteShare, &want.MaxDeleteShare, job.ParseShare)
	want.Delete, want.KeyList, want.AllowEmpty = o.delete, o.keys, o.allowEmpty
	j, err := job.New(src, dst, o.ledger, func(j *job.Job) {
		want.Source, want.Target, want.Ledger = j.Source, j.Target, j.Ledger
		*j = want
	})
	return j, errors.Join(append(errs, inFlags(err))...)
}

// read parses text, the value of a flag, into to; "" leaves to as it is. Mistakes are
// appended to errs.
func read[T any](errs *[]error, name, text string, to *T, parse func(string) (T, error)) {
	if text == "" {
		return
	}
	value, err := parse(text)
	for _, e := range apart(err) {
		*errs = append(*errs, fmt.Errorf("--%s: %s", name, fault.Sentence(e)))
	}
	if err == nil {
		*to = value
	}
}

// flagWords has the flag for each part of a job.
var flagWords = map[string]string{
	"class": "--class", "overwrite": "--overwrite", "hashMismatch": "--hash-mismatch", "delete": "--delete", "maxDeletes": "--max-deletes", "maxDeleteShare": "--max-delete-share",
	"filter.include": "--include", "filter.exclude": "--exclude", "filter.includeRegexp": "--include-regexp", "filter.excludeRegexp": "--exclude-regexp",
	"filter.suffix": "--suffix", "filter.minSize": "--min-size", "filter.maxSize": "--max-size", "filter.before": "--before", "filter.classes": "--only-class",
	"limits.parallel": "--parallel", "limits.batchObjects": "--batch-objects", "limits.fanout": "--fanout", "limits.requests": "--requests",
	"limits.instances": "--instances", "limits.partSize": "--part-size", "limits.partsAbove": "--parts-above", "limits.outage": "--outage",
}

// inFlags returns the mistakes of a job with flags in place of the names of its parts.
func inFlags(err error) error {
	all := apart(err)
	for i, e := range all {
		if part, rest, ok := strings.Cut(fault.Sentence(e), " "); ok && flagWords[part] != "" {
			all[i] = fmt.Errorf("%s %s", flagWords[part], rest)
		}
	}
	return errors.Join(all...)
}
