// Package jobs reads the job of a command line and the jobs of a file, and is ferry jobs:
// what a ledger keeps of them is shared/registry's.
//
//	flags.go   Flags make a job of a command line
//	asked.go   Flags.Asked returns the job of the flags, or one of a file by its name
//	file.go    File reads jobs and their lists of keys
//	command.go, command_apply.go, command_show.go  ferry jobs
//
// Mistakes of the file are Invalid, each with its line.
package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/job"
	"kodoferry/shared/job/keylist"
	"kodoferry/shared/registry"
)

// File is a file of jobs.
type File registry.File

// Read returns the jobs of those names, all of the file's where there are no names,
// with the keys that they list. A Change then has nothing but its Job.
func (f File) Read(names []string) ([]registry.Change, error) {
	data, err := contents(f.Path)
	if err != nil {
		return nil, err
	}
	filed, err := job.ReadFile(data, f.Path, func(j *job.Job) {
		if j.Ledger == (job.Location{}) {
			j.Ledger = f.Ledger
		}
	})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, j := range filed {
		all = append(all, j.Name)
	}
	var errs []error
	for _, name := range names {
		if !slices.Contains(all, name) {
			errs = append(errs, fmt.Errorf("%s has no job %s: it has %s", f.Path, words.Key(name), strings.Join(all, ", ")))
		}
	}
	var changes []registry.Change
	for _, j := range filed {
		if len(names) > 0 && !slices.Contains(names, j.Name) {
			continue
		}
		keys, err := f.Keys(j.Job)
		if err != nil {
			errs = append(errs, err)
		}
		changes = append(changes, registry.NewChange(j, keys))
	}
	return changes, errors.Join(errs...)
}

// contents returns what stands in the file that --file names.
func contents(path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New("--file names no file: name one, or leave it out for " + DefaultFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	return data, nil
}

// Keys returns the keys that a job of the file lists, none where its source is listed.
// A relative keyList is beside the file.
func (f File) Keys(j job.Job) ([]string, error) {
	if j.KeyList == "" {
		return nil, nil
	}
	path := j.KeyList
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(f.Path), path)
	}
	return ReadKeys("keyList: ", path, j.Source.Prefix)
}

// ReadKeys reads a list of keys below prefix, none where path is "". what begins the
// error where the list cannot be opened.
func ReadKeys(what, path, prefix string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s%w", what, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return keylist.Read(f, path, prefix)
}
