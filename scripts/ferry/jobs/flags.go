package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
)

// Flags are the flags that make up a job, and the one that names a file of jobs.
type Flags struct {
	File, Ledger                                                                   string
	class, overwrite, mismatch, present, deletedInTarget, attributes               string
	include, exclude, includeRegexp, excludeRegexp, suffix, classes                []string
	minSize, maxSize, after, before, keys, bandwidth, partSize, partsAbove, outage string
	thawDays, thawWait                                                             string
	unguarded, delete, allowEmpty, thaw                                            bool
	maxDeletes                                                                     int64
	maxDeleteShare                                                                 string
	parallel                                                                       string
	batch, requests, instances, fanout                                             int
	shape                                                                          []cli.FlagGroup
}

// Add adds these flags and more to c, with a help in groups.
func (o *Flags) Add(c *cobra.Command, more func(*pflag.FlagSet)) {
	o.shape = []cli.FlagGroup{
		{Title: "Which objects (patterns are held against keys without SRC's prefix)", Flags: o.choice()},
		{Title: "What happens to them", Flags: o.policies()},
		{Title: "How fast", Flags: o.limits()},
	}
	run := pflag.NewFlagSet("", pflag.ContinueOnError)
	run.StringVar(&o.File, "file", DefaultFile, "the file that has the job NAME; infra/ferry.example.yaml shows all that can stand in one")
	run.StringVar(&o.Ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where the run is kept: oss://bucket/prefix/?region=… (default: FERRY_LEDGER, else .ferry/ in the target's bucket)")
	more(run)
	cli.Group(c, append(o.shape, cli.FlagGroup{Title: "The run", Flags: run})...)
}

// choice returns the flags of a job's filter.
func (o *Flags) choice() *pflag.FlagSet {
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
func (o *Flags) policies() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringVar(&o.class, "class", job.KeepClass, "storage `CLASS` of the copies: keep, or one for all: standard, ia, archive, deep-archive, deep-cold-archive, archive-ir, intelligent")
	f.StringVar(&o.overwrite, "overwrite", job.OverwriteChanged, "what becomes of an object that the target has and that differs, in one `WORD`: changed replaces what Ferry copied, and what it did not write is a conflict and stays; newer replaces the latter, too, if the source's was uploaded later; never replaces nothing; always replaces all")
	f.StringVar(&o.present, "present", job.ProvePresent, "what becomes of an object that the target had before, of equal size, in one `WORD`: prove reads it in the target and holds it against the source's hash; accept takes it as it is; copy copies it")
	f.StringVar(&o.deletedInTarget, "deleted-in-target", job.CopyDeleted, "what becomes of an object that an earlier run copied and that was deleted in the target since, in one `WORD`: copy copies it again, leave leaves it so")
	f.StringVar(&o.attributes, "attributes", job.FollowAttributes, "what becomes of type, headers, metadata and class that changed at the source over the same bytes, in one `WORD`: follow sets them in the target, without a copy; ignore leaves them")
	f.BoolVar(&o.delete, "delete", false, "mirror: at the end remove from the target what this job once copied and the source no longer has")
	f.Int64Var(&o.maxDeletes, "max-deletes", job.Job{}.WithDefaults().MaxDeletes, "with --delete: if more than that would be removed, remove none; with 0 none is, ever")
	f.StringVar(&o.maxDeleteShare, "max-delete-share", "", "with --delete: if 10 objects or more would be removed, and they are more than this `SHARE` of what the target has there, remove none: 25% or 0.25 (default: 10%)")
	f.StringVar(&o.mismatch, "hash-mismatch", job.FailMismatch, "`WORD` for an object whose bytes, twice and equally, disagree with its listed hash: fail or copy")
	f.BoolVar(&o.thaw, "thaw", false, "restore what is archived at the source, which the service bills, wait for it in the queue, and copy it; without it, such objects are skipped")
	f.StringVar(&o.thawDays, "thaw-days", "", "with --thaw: `DAYS` for which a restored object can be read: 1 to 30, at Kodo to 7 (default: 3)")
	f.StringVar(&o.thawWait, "thaw-wait", "", "with --thaw: how long, as 12h, one is waited for from when it is asked for (default: 48h)")
	f.BoolVar(&o.unguarded, "unguarded", false, "do not make the PUT of a new key conditional; faster where OSS limits conditional PUTs, less safe")
	return f
}

// parseDays parses a number of days; 0 in a job is one that it does not say.
func parseDays(s string) (int, error) {
	days, err := strconv.Atoi(s)
	if err != nil || days < 1 {
		return 0, fmt.Errorf("%q is no number of days: write one such as 3", s)
	}
	return days, nil
}

// limits returns the flags of a job's limits.
func (o *Flags) limits() *pflag.FlagSet {
	d := job.DefaultLimits()
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringVar(&o.bandwidth, "bandwidth", "", "most bytes a second of all processes together: 20MiB/s, or a `RATE` with a timetable: '200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai'")
	f.IntVar(&o.requests, "requests", 0, "most requests a second of all processes together, to both sides (default: no bound)")
	f.IntVar(&o.instances, "instances", 0, "most processes at work at the same time (default: no bound)")
	f.StringVar(&o.parallel, "parallel", job.FormatParallel(d.Parallel), "objects in flight at the same time in one process, a `NUMBER` from 1 to 1024; auto is as many as are best: more while that copies more objects a second, fewer where each only takes longer")
	f.IntVar(&o.batch, "batch-objects", d.BatchObjects, "most objects of one batch: what a kill makes Ferry look at again")
	f.IntVar(&o.fanout, "fanout", d.Fanout, "stretches of keys that one listing leaves the rest in, at most; 1 lists in one chain")
	f.StringVar(&o.partsAbove, "parts-above", "", "objects above this `SIZE` go in parts (default: 256MiB, in functions 32MiB)")
	f.StringVar(&o.partSize, "part-size", "", "`SIZE` of the first part, a multiple of 4MiB; larger where 10,000 would not do (default: 16MiB)")
	f.StringVar(&o.outage, "outage", "", "how long, as 90m or 24h, a source or target that does not answer at all is waited for, without spending tries (default: 24h)")
	return f
}

// job returns the job of the flags. The error has every mistake, in the words of the
// flags.
func (o *Flags) job(src, dst string) (job.Job, error) {
	var errs []error
	var want job.Job
	f, l := &want.Filter, &want.Limits
	f.Include, f.Exclude, f.IncludeRegexp, f.ExcludeRegexp = o.include, o.exclude, o.includeRegexp, o.excludeRegexp
	f.Suffix, f.Classes = o.suffix, o.classes
	cli.Read(&errs, "min-size", o.minSize, &f.MinSize, job.ParseSize)
	cli.Read(&errs, "max-size", o.maxSize, &f.MaxSize, job.ParseSize)
	cli.Read(&errs, "after", o.after, &f.After, job.ParseTime)
	cli.Read(&errs, "before", o.before, &f.Before, job.ParseTime)
	cli.Read(&errs, "bandwidth", o.bandwidth, &l.Bandwidth, job.ParseBandwidth)
	cli.Read(&errs, "part-size", o.partSize, &l.PartSize, job.ParseSize)
	cli.Read(&errs, "parts-above", o.partsAbove, &l.PartsAbove, job.ParseSize)
	cli.Read(&errs, "outage", o.outage, &l.Outage, func(s string) (d job.Span, err error) { err = d.UnmarshalText([]byte(s)); return d, err })
	cli.Read(&errs, "parallel", o.parallel, &l.Parallel, job.ParseParallel)
	l.BatchObjects, l.Fanout, l.Requests, l.Instances = o.batch, o.fanout, o.requests, o.instances
	want.Class, want.Overwrite, want.HashMismatch, want.Unguarded = o.class, o.overwrite, o.mismatch, o.unguarded
	want.Present, want.DeletedInTarget, want.Attributes = o.present, o.deletedInTarget, o.attributes
	if want.MaxDeletes = cmp.Or(o.maxDeletes, job.NoDeletes); o.maxDeletes < 0 {
		errs = append(errs, fmt.Errorf("--max-deletes is %d: write a number from 0", o.maxDeletes))
	}
	cli.Read(&errs, "max-delete-share", o.maxDeleteShare, &want.MaxDeleteShare, job.ParseShare)
	want.Delete, want.KeyList, want.AllowEmpty = o.delete, o.keys, o.allowEmpty
	want.Thaw = o.thaw
	cli.Read(&errs, "thaw-days", o.thawDays, &want.ThawDays, parseDays)
	cli.Read(&errs, "thaw-wait", o.thawWait, &want.ThawWait, func(s string) (d job.Span, err error) { err = d.UnmarshalText([]byte(s)); return d, err })
	j, err := job.New(src, dst, o.Ledger, func(j *job.Job) {
		want.Source, want.Target, want.Ledger = j.Source, j.Target, j.Ledger
		*j = want
	})
	return j, errors.Join(append(errs, inFlags(err))...)
}

// flagWords has the flag for each part of a job.
var flagWords = map[string]string{
	"class": "--class", "overwrite": "--overwrite", "present": "--present", "deletedInTarget": "--deleted-in-target", "attributes": "--attributes", "hashMismatch": "--hash-mismatch", "delete": "--delete", "maxDeletes": "--max-deletes", "maxDeleteShare": "--max-delete-share",
	"filter.include": "--include", "filter.exclude": "--exclude", "filter.includeRegexp": "--include-regexp", "filter.excludeRegexp": "--exclude-regexp",
	"filter.suffix": "--suffix", "filter.minSize": "--min-size", "filter.maxSize": "--max-size", "filter.before": "--before", "filter.classes": "--only-class",
	"limits.parallel": "--parallel", "limits.batchObjects": "--batch-objects", "limits.fanout": "--fanout", "limits.requests": "--requests",
	"limits.instances": "--instances", "limits.partSize": "--part-size", "limits.partsAbove": "--parts-above", "limits.outage": "--outage",
}

// inFlags returns the mistakes of a job with flags in place of the names of its parts.
func inFlags(err error) error {
	all := cli.Apart(err)
	for i, e := range all {
		if part, rest, ok := strings.Cut(fault.Sentence(e), " "); ok && flagWords[part] != "" {
			all[i] = fmt.Errorf("%s %s", flagWords[part], rest)
		}
	}
	return errors.Join(all...)
}
