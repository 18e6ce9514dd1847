// Package setup is ferry init: it asks where from and where to, writes a file with one job
// that is safe, and asks whether a run of it would work.
package setup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/checks"
	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
)

// options are the flags of `ferry init`.
type options struct {
	source, target, ledger, name, file string
	unchecked                          bool
}

// Command is ferry init.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "init [SRC DST]",
		Short: "Write a ferry.yaml with one job that is safe, and check it",
		Long: `Init writes a file of about ten lines with one job, asks whether a run of it would
work, as ferry check does, and says what to do next. On a terminal it asks for what
no flag says; elsewhere it takes SRC and DST, or --source and --target. See ferry
copy --help for how a place is written.

The job deletes nothing, replaces nothing that it did not write itself, and needs
no variable but the keys. The file is not written over where it exists already.
infra/ferry.example.yaml shows all that can stand in one.`,
		Example: `  ferry init
  ferry init 'kodo://photos/2019/?region=z0' 'oss://photos-new/2019/?region=cn-hangzhou'
  ferry init --source 'kodo://photos/?region=z0' --target 'oss://photos-new/?region=cn-hangzhou' --name photos --no-check`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return cli.Exactly("SRC", "DST")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				o.source, o.target = args[0], args[1]
			}
			return o.run(c)
		},
	}
	f := c.Flags()
	f.StringVar(&o.source, "source", "", "where from: `SRC`")
	f.StringVar(&o.target, "target", "", "where to: `DST`")
	f.StringVar(&o.ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept: oss://bucket/prefix/?region=… (default: FERRY_LEDGER, else .ferry/ in the target's bucket)")
	f.StringVar(&o.name, "name", "", "what the job is called (default: the source's bucket)")
	f.StringVar(&o.file, "file", jobs.DefaultFile, "the file to write")
	f.BoolVar(&o.unchecked, "no-check", false, "write the file and ask nobody")
	return c
}

func (o *options) run(c *cobra.Command) error {
	if _, err := os.Lstat(o.file); err == nil {
		return cli.Usage(fmt.Errorf("%s exists already, and is not written over: name another by --file, or add a job to it as infra/ferry.example.yaml shows", o.file))
	}
	if err := o.ask(c); err != nil {
		return err
	}
	j, err := o.job()
	if err != nil {
		return cli.Usage(err)
	}
	out := c.OutOrStdout()
	if err := write(o.file, text(j)); err != nil {
		return cli.Usage(err)
	}
	if _, err := fmt.Fprintf(out, "%s\n\n%s\n", show.Sentence("init.written", o.file, j.Name), text(j)); err != nil {
		return err
	}
	show.Remarks(out, j)
	with := ""
	if o.file != jobs.DefaultFile {
		with = " --file '" + o.file + "'"
	}
	if o.unchecked {
		_, err := fmt.Fprintln(out, show.Sentence("init.check", j.Name+with))
		return err
	}
	if err := app.Load(os.Getenv).Missing(j.Source, j.Target, j.Ledger); err != nil {
		return cli.Usage(errors.Join(err, fmt.Errorf("then ask whether all is well: ferry check %s%s", j.Name, with)))
	}
	if err := checks.Ask(c, j); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, show.Sentence("init.next", j.Name+with))
	return err
}

// errUnasked ends an init that has nobody to ask.
var errUnasked = errors.New("nobody answers here, and nothing is written: give SRC and DST, as ferry init 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'")

// ask asks for what no flag says, where there is a terminal.
func (o *options) ask(c *cobra.Command) error {
	if o.source != "" && o.target != "" {
		return nil
	}
	in, ok := c.InOrStdin().(*os.File)
	if !ok || !show.IsTerminal(in) {
		return cli.Usage(errUnasked)
	}
	lines, out := lines(in), c.ErrOrStderr()
	for _, q := range []struct {
		to       *string
		question string
		wrong    func(string) error
	}{
		{&o.source, show.Sentence("init.from"), func(text string) error { return place(text, job.Sources()...) }},
		{&o.target, show.Sentence("init.to"), func(text string) error { return place(text, job.OSS) }},
	} {
		for *q.to == "" {
			_, _ = fmt.Fprintf(out, "%s: ", q.question) // a failed write shows at the next
			var text string
			select {
			case line, more := <-lines:
				if !more {
					_, _ = fmt.Fprintln(out) // the question's line ends
					return cli.Usage(errUnasked)
				}
				text = line
			case <-c.Context().Done():
				_, _ = fmt.Fprintln(out)
				return cli.ErrInterrupted
			}
			if err := q.wrong(text); err != nil {
				cli.Complain(out, err)
				continue
			}
			*q.to = text
		}
	}
	return nil
}

// lines are those that are typed, until there are no more.
func lines(in io.Reader) <-chan string {
	typed := make(chan string)
	go func() {
		defer close(typed)
		for s := bufio.NewScanner(in); s.Scan(); {
			typed <- strings.Trim(strings.TrimSpace(s.Text()), `'"`) // as one writes it for a shell
		}
	}()
	return typed
}

// place returns what is wrong with a location of one of these services.
func place(text string, schemes ...string) error {
	l, err := job.ParseLocation(text)
	if err != nil {
		return err
	}
	for _, s := range schemes {
		if l.Scheme == s {
			return nil
		}
	}
	return fmt.Errorf("this is at %s: write a location that begins with %s://", l.Scheme, strings.Join(schemes, ":// or "))
}

// job is the job of the flags and the answers.
func (o *options) job() (job.Job, error) {
	if o.ledger != "" {
		if _, err := job.ParseLedger(o.ledger, cli.LedgerName(o.ledger)); err != nil {
			return job.Job{}, err
		}
	}
	return job.New(o.source, o.target, o.ledger, func(j *job.Job) {
		j.Name = o.name
		if j.Name == "" {
			j.Name = nameOf(j.Source)
		}
	})
}

// nameOf is what a job of that source is called: by its bucket, or the last directory of its path.
func nameOf(l job.Location) string {
	parts := strings.FieldsFunc(l.Bucket, func(r rune) bool { return r == '/' })
	if len(parts) == 0 {
		return "files"
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, parts[len(parts)-1])
}

// text is the file of j.
func text(j job.Job) string {
	return fmt.Sprintf(`# Written by ferry init; infra/ferry.example.yaml shows all that can stand here.
jobs:
  %s:
    source: '%s'
    target: '%s'
    ledger: '%s'
    overwrite: changed # what Ferry copied follows the source; what others wrote in the target stays
    present: prove     # what the target had before is read and held against the source's hash
    delete: false      # nothing is removed from the target
`, j.Name, j.Source, j.Target, j.Ledger)
}

// write makes a file that is not there yet. One that cannot be written whole, as on a
// full disk, is removed: another init would leave it as it is.
func write(name, text string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists already, and is not written over: name another by --file", name)
	case err != nil:
		return fmt.Errorf("--file: %w", err)
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
