package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/job"
)

// DefaultFile is the file of --file.
const DefaultFile = "ferry.yaml"

// Asked returns the job of the command line, by flags or by name, and the keys that it
// lists. The error has every mistake. deployed is true where the ledger is a deployment's:
// --ledger is not a part of the job then.
func (o *Flags) Asked(c *cobra.Command, args []string, deployed bool) (job.Job, []string, error) {
	if len(args) == 2 {
		if o.Ledger != "" {
			if _, err := job.ParseLedger(o.Ledger, cli.LedgerName(o.Ledger)); err != nil {
				at := o.Ledger
				o.Ledger = "" // what is wrong with it is told once
				j, keys, others := o.Asked(c, args, deployed)
				o.Ledger = at
				return j, keys, errors.Join(others, err)
			}
		}
		j, err := o.job(args[0], args[1])
		if c.Flags().Changed("file") {
			err = errors.Join(err, errors.New("--file does not go with SRC and DST: give the NAME of a job in the file, or leave it out"))
		}
		keys, kerr := ReadKeys("--keys: ", o.keys, j.Source.Prefix)
		return j, keys, errors.Join(err, kerr)
	}
	j, err := o.Named(args[0], deployed)
	if shaped := o.Changed(c, deployed); len(shaped) > 0 {
		err = errors.Join(fmt.Errorf("%s: what the job %s is to be stands in %s; write it there, or give SRC and DST instead of its name", strings.Join(shaped, ", "), words.Key(args[0]), o.File), err)
	}
	if err != nil {
		return j, nil, err
	}
	keys, err := File{Path: o.File}.Keys(j)
	return j, keys, err
}

// Changed returns the flags of the command line that are set and are part of a job.
func (o *Flags) Changed(c *cobra.Command, deployed bool) (names []string) {
	note := func(f *pflag.Flag) {
		if f.Changed {
			names = append(names, "--"+f.Name)
		}
	}
	for _, g := range o.shape {
		g.Flags.VisitAll(note)
	}
	if !deployed {
		note(c.Flags().Lookup("ledger"))
	}
	return names
}

// NoJob is the error of a file without a job of that name, or of a missing file.
type NoJob struct{ error }

// Named returns the job of that name in the file. The ledger of a job that names none is
// that of --ledger or FERRY_LEDGER.
func (o *Flags) Named(name string, deployed bool) (job.Job, error) {
	data, err := contents(o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return job.Job{}, NoJob{fmt.Errorf("there is no file %s with a job %s: ferry init writes one; or name another by --file, or give SRC and DST", o.File, words.Key(name))}
	}
	if err != nil {
		return job.Job{}, err
	}
	var ledger job.Location
	if o.Ledger != "" {
		ledger, err = job.ParseLedger(o.Ledger, cli.LedgerName(o.Ledger))
	}
	all, ferr := job.ParseFile(data, o.File, func(j *job.Job) {
		if j.Ledger == (job.Location{}) {
			j.Ledger = ledger
		}
	})
	if err := errors.Join(err, ferr); err != nil {
		return job.Job{}, err
	}
	i := slices.IndexFunc(all, func(j job.Job) bool { return j.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, j := range all {
			names[i] = j.Name
		}
		return job.Job{}, NoJob{fmt.Errorf("%s has no job %s: it has %s", o.File, words.Key(name), strings.Join(names, ", "))}
	}
	if at := all[i].Ledger; deployed && o.Ledger != "" && (at.Bucket != ledger.Bucket || at.Prefix != ledger.Prefix) {
		return job.Job{}, fmt.Errorf("the job %s of %s keeps its ledger in %s, the deployment in %s: take it out of the file, or start it in the other's deployment", words.Key(name), o.File, at.Place(), ledger.Place())
	}
	return all[i], nil
}

// places accepts the arguments SRC and DST, or the NAME of a job in a file.
func Places(c *cobra.Command, args []string) error {
	if len(args) == 2 || len(args) == 1 && !strings.Contains(args[0], "://") {
		return nil
	}
	return cli.Usage(fmt.Errorf("%s takes SRC and DST, or the NAME of a job in a file, not %s: see %s --help", c.CommandPath(), words.Count(int64(len(args)), "argument", "arguments"), c.CommandPath()))
}
