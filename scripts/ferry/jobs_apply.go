package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
)

// applyOptions are the flags of `ferry jobs apply`.
type applyOptions struct {
	runFlags
	file  string
	grace time.Duration
}

func jobsApplyCommand() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "apply [NAME…]",
		Short: "Keep the jobs of a file in the ledger",
		Long: fmt.Sprintf(`Apply takes the jobs of a file, or those of the given names, into the ledger, and
says what that changes. Runs under way keep the job they began with. All mistakes
are named at once, each with its line, and then nothing is kept: also where two
jobs write to one place, in the file or in the ledger. Jobs that the file does
not have stay as they are. A list of keys (keyList) is taken along. A kept job
that cannot be read is replaced; one that a newer version kept is not.

What a job takes back holds for what is under way, too: without delete: nothing is
removed from the target any more, and events are followed no further than the job
says now. Where something could be at work, apply returns once that has ended, %s
later.`, words.Duration(limit.Notice)),
		Example: "  ferry jobs apply\n  ferry jobs apply photos videos --file jobs/ferry.yaml",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			return o.apply(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.add(c)
	settleFlag(c, &o.grace)
	c.Flags().StringVar(&o.file, "file", defaultFile, "the file that has the jobs; infra/ferry.example.yaml shows all that can stand in one")
	return c
}

// applied is what becomes of one job.
type applied struct {
	Job     string   `json:"job"`
	Change  string   `json:"change"`            // new, changed, same, or replaced: what was kept cannot be read
	Changes []string `json:"changes,omitempty"` // field: before -> after
	filed   job.Filed
	keys    []string
}

func (o *applyOptions) apply(ctx context.Context, names []string, out, told io.Writer) error {
	led, at, err := openLedger(o.ledger)
	if err != nil {
		return err
	}
	jobs, err := o.read(at, names)
	if err != nil {
		return usageError{err}
	}
	if err := o.compare(ctx, led, at, jobs); err != nil {
		return misconfigured(err)
	}
	op := operate(led, told)
	kept, wait, err := o.keep(ctx, op, at, jobs)
	if err != nil {
		return misconfigured(err)
	}
	for _, a := range jobs {
		if a.Change == "same" {
			since, err := op.Lessened(ctx, a.Job)
			if err != nil {
				return misconfigured(err)
			}
			wait = wait || !since.IsZero()
			if since.After(kept) {
				kept = since
			}
		}
	}
	if wait {
		if err := op.Settle(ctx, kept, o.grace); err != nil {
			return unsettled(ctx, err)
		}
	}
	if o.json {
		return json.NewEncoder(out).Encode(jobs)
	}
	for _, a := range jobs {
		if _, err := fmt.Fprintf(out, "%-8s %s\n", a.Change, a.Job); err != nil {
			return err
		}
		for _, change := range a.Changes {
			if _, err := fmt.Fprintf(out, "         %s\n", change); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare refuses jobs that cannot be kept, and takes down what each changes.
func (o *applyOptions) compare(ctx context.Context, led *ledger.Ledger, at job.Location, jobs []applied) error {
	if err := o.check(ctx, led, at, jobs); err != nil {
		return err
	}
	for i := range jobs {
		if err := jobs[i].compare(ctx, led); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps the jobs that change anything. It looks once more at what others
// keep, now that no other can keep or begin anything beside it. It returns when it
// had kept the last, and whether what they take back is to be waited for.
func (o *applyOptions) keep(ctx context.Context, op *app.Operator, at job.Location, jobs []applied) (last time.Time, wait bool, err error) {
	var all []job.Job
	for _, a := range jobs {
		if a.Change != "same" {
			all = append(all, a.filed.Job)
		}
	}
	if len(all) == 0 {
		return last, false, nil
	}
	err = app.Exclusively(ctx, op.Ledger, all, time.Now(), func(ctx context.Context) error {
		if err := o.check(ctx, op.Ledger, at, jobs); err != nil {
			return err
		}
		for _, a := range jobs {
			if a.Change == "same" {
				continue
			}
			raw, err := job.Encode(a.filed.Job)
			if err != nil {
				return usageError{err}
			}
			withdrawn, err := op.Keep(ctx, ledger.KeptJob{Name: a.Job, Job: raw, At: time.Now().UTC()}, a.keys)
			if err != nil {
				return err
			}
			wait, last = wait || withdrawn, time.Now()
		}
		return nil
	})
	return last, wait, err
}

// read reads the jobs of the file that are named, all if none is, and their keys.
func (o *applyOptions) read(at job.Location, names []string) ([]applied, error) {
	data, err := os.ReadFile(o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	filed, err := job.ReadFile(data, o.file, func(j *job.Job) {
		if j.Ledger == (job.Location{}) {
			j.Ledger = at
		}
	})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range filed {
		all = append(all, f.Name)
	}
	var errs []error
	for _, name := range names {
		if !slices.Contains(all, name) {
			errs = append(errs, fmt.Errorf("%s has no job %s: it has %s", o.file, words.Key(name), strings.Join(all, ", ")))
		}
	}
	var jobs []applied
	for _, f := range filed {
		if len(names) > 0 && !slices.Contains(names, f.Name) {
			continue
		}
		a := applied{Job: f.Name, filed: f}
		if a.keys, err = listedKeys(f.Job, o.file); err != nil {
			errs = append(errs, err)
		}
		jobs = append(jobs, a)
	}
	return jobs, errors.Join(errs...)
}

// check refuses jobs that this ledger cannot keep, each with its line.
func (o *applyOptions) check(ctx context.Context, led *ledger.Ledger, at job.Location, jobs []applied) error {
	others, err := app.Others(ctx, led, time.Now(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(k app.Other) bool {
		return k.Run == "" && slices.ContainsFunc(jobs, func(a applied) bool { return a.Job == k.Name })
	})
	var errs []error
	wrong := func(line int, err error) {
		if err != nil {
			errs = append(errs, usageError{fmt.Errorf("%s:%d: %s", o.file, line, fault.Sentence(err))})
		}
	}
	for i, a := range jobs {
		f := a.filed
		if f.Ledger.Bucket != at.Bucket || f.Ledger.Prefix != at.Prefix {
			wrong(f.LedgerLine, fmt.Errorf("the job %s keeps its ledger in %s, and this one is %s: take it out of the file, or give the other by --ledger", f.Name, f.Ledger.Place(), at.Place()))
		}
		since, sealed, err := led.Sealed(ctx, f.Name)
		if err != nil {
			return err
		}
		if sealed {
			wrong(f.Line, fmt.Errorf("the job %s was ended for good on %s: give it another name", f.Name, since.Local().Format(time.DateTime)))
		}
		for _, other := range jobs[:i] {
			wrong(f.TargetLine, f.Clash(other.filed.Job))
		}
		for _, other := range others {
			wrong(f.TargetLine, other.Refuse(f.Job))
		}
	}
	return errors.Join(errs...)
}

// compare finds what a job changes in the ledger. It refuses with Newer to
// replace what a newer version kept.
func (a *applied) compare(ctx context.Context, led *ledger.Ledger) error {
	before, kept, err := app.KeptJob(ctx, led, a.Job)
	var keys []string
	if err == nil {
		keys, err = led.JobKeys(ctx, kept)
	}
	switch {
	case ledger.Missing(err):
		a.Change = "new"
		return nil
	case fault.KindOf(err) == fault.Newer:
		return fault.New(fault.Newer, "jobs apply", a.Job, fmt.Errorf("the job %s was kept by a newer version of Ferry, which this one does not replace: upgrade this one, or take the job away first by ferry jobs remove %s", a.Job, a.Job))
	case ledger.Unreadable(err):
		a.Change, a.Changes = "replaced", []string{"what was kept could not be read"}
		return nil
	case err != nil:
		return err
	}
	if a.Changes, err = differences(before, a.filed.Job); err != nil {
		return err
	}
	if !slices.Equal(keys, a.keys) {
		a.Changes = append(a.Changes, fmt.Sprintf("keys: %s -> %s", words.Count(int64(len(keys)), "key", "keys"), words.Count(int64(len(a.keys)), "key", "keys")))
	}
	a.Change = "same"
	if len(a.Changes) > 0 {
		a.Change = "changed"
	}
	return nil
}

// listedKeys reads the keys that a job of a file names; none where its source is listed.
func listedKeys(j job.Job, file string) ([]string, error) {
	if j.KeyList == "" {
		return nil, nil
	}
	path := j.KeyList
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	return readKeys("keyList: ", path, j.Source.Prefix)
}
