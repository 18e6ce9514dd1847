// Package registry keeps jobs in a ledger under their names, and reads what a ledger
// keeps of them.
//
//	registry.go     File.Compare finds what the jobs of a file change, File.Keep keeps them
//	differences.go  the fields in which two jobs differ
//	look.go         Look reads a kept job and how its runs go
//
// Mistakes of a file are Invalid, each with its line.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
)

// File is a file of jobs.
type File struct {
	Path   string       // as mistakes name it
	Ledger job.Location // of jobs that name none, and the one that they are kept in
}

// Change is what keeping a job of a file changes in the ledger.
type Change struct {
	Job     string   `json:"job"`
	Change  string   `json:"change"`            // new, changed, same, or replaced where what was kept cannot be read
	Changes []string `json:"changes,omitempty"` // field: before -> after
	filed   job.Filed
	keys    []string
}

// NewChange returns what keeping a job of a file changes, before Compare. keys are those
// that it lists.
func NewChange(filed job.Filed, keys []string) Change {
	return Change{Job: filed.Name, filed: filed, keys: keys}
}

// Compare sets what each job changes in led, which is at f.Ledger. The error is Invalid
// for jobs that cannot be kept there, Newer for one that a newer version has kept.
func (f File) Compare(ctx context.Context, led *ledger.Ledger, changes []Change) error {
	if err := f.check(ctx, led, changes); err != nil {
		return err
	}
	for i := range changes {
		if err := changes[i].compare(ctx, led); err != nil {
			return err
		}
	}
	return nil
}

// Keep keeps the jobs that change anything, after another check while no other process
// can keep or begin anything. last is when the last one had been kept; wait is true where
// a job takes back a right that something may be using until some time later.
func (f File) Keep(ctx context.Context, op *control.Operator, changes []Change) (last time.Time, wait bool, err error) {
	var all []job.Job
	for _, c := range changes {
		if c.Change != "same" {
			all = append(all, c.filed.Job)
		}
	}
	if len(all) == 0 {
		return last, false, nil
	}
	err = control.Exclusively(ctx, op.Ledger, all, time.Now(), func(ctx context.Context) error {
		if err := f.check(ctx, op.Ledger, changes); err != nil {
			return err
		}
		for _, c := range changes {
			if c.Change == "same" {
				continue
			}
			raw, err := job.Encode(c.filed.Job)
			if err != nil {
				return err
			}
			withdrawn, err := op.Keep(ctx, kept.Job{Name: c.Job, Job: raw, At: time.Now().UTC()}, c.keys)
			if err != nil {
				return err
			}
			wait, last = wait || withdrawn, time.Now()
		}
		return nil
	})
	return last, wait, err
}

// check returns an Invalid error for each job that led cannot keep, with its line.
func (f File) check(ctx context.Context, led *ledger.Ledger, changes []Change) error {
	others, err := control.Others(ctx, led, "", time.Now(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(k control.Other) bool {
		return k.Run == "" && slices.ContainsFunc(changes, func(c Change) bool { return c.Job == k.Name })
	})
	var errs []error
	for i, c := range changes {
		j := c.filed
		wrong := func(line int, err error) {
			if err != nil {
				errs = append(errs, fault.New(fault.Invalid, "registry.Keep", j.Name, fmt.Errorf("%s:%d: %s", f.Path, line, fault.Sentence(err))))
			}
		}
		if j.Ledger.Bucket != f.Ledger.Bucket || j.Ledger.Prefix != f.Ledger.Prefix {
			wrong(j.LedgerLine, fmt.Errorf("the job %s keeps its ledger in %s, and this one is %s: take it out of the file, or give the other by --ledger", j.Name, j.Ledger.Place(), f.Ledger.Place()))
		}
		since, sealed, err := led.ReadSeal(ctx, j.Name)
		if err != nil {
			return err
		}
		if sealed {
			wrong(j.Line, fmt.Errorf("the job %s was ended for good on %s: give it another name", j.Name, since.Local().Format(time.DateTime)))
		}
		for _, other := range changes[:i] {
			wrong(j.TargetLine, j.Clash(other.filed.Job))
		}
		for _, other := range others {
			wrong(j.TargetLine, other.Refuse(j.Job))
		}
	}
	return errors.Join(errs...)
}

// compare sets what the job changes in led. The error is Newer where a newer version
// has kept the job.
func (c *Change) compare(ctx context.Context, led *ledger.Ledger) error {
	before, record, err := control.KeptJob(ctx, led, c.Job)
	var keys []string
	if err == nil {
		keys, err = kept.ReadJobKeys(ctx, led.Folder(), record)
	}
	switch {
	case ledger.Missing(err):
		c.Change = "new"
		return nil
	case fault.KindOf(err) == fault.Newer:
		return fault.New(fault.Newer, "jobs apply", c.Job, fmt.Errorf("the job %s was kept by a newer version of Ferry, which this one does not replace: upgrade this one, or take the job away first by ferry jobs remove %s", c.Job, c.Job))
	case ledger.Unreadable(err):
		c.Change, c.Changes = "replaced", []string{"what was kept could not be read"}
		return nil
	case err != nil:
		return err
	}
	if c.Changes, err = Differences(before, c.filed.Job); err != nil {
		return err
	}
	if !slices.Equal(keys, c.keys) {
		c.Changes = append(c.Changes, fmt.Sprintf("keys: %s -> %s", countKeys(len(keys)), countKeys(len(c.keys))))
	}
	c.Change = "same"
	if len(c.Changes) > 0 {
		c.Change = "changed"
	}
	return nil
}
