// Package checks is ferry check: check.go asks whether a run would work, contract.go holds
// the clouds to all that Ferry relies on. What is asked is in shared/check.
package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/check"
	"kodoferry/shared/job"
)

// options are the flags of `ferry check`.
type options struct {
	jobs.Flags
	contractOptions
	queues     string
	json, ring bool
}

// Command is ferry check.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "check {SRC DST | NAME}",
		Short: "Ask every address of a job whether a run of it would work, and say what to cure",
		Long: `Check asks source, target, ledger and, where FERRY_QUEUES or --queues names
them, a deployment's queues: whether they can be reached, listed, read, written
and deleted from; how far this machine's clock is off; versioning and retention;
whether the source's domain alters bytes (20 objects are read and compared with
their hashes); whether the webhooks of alerts are set. One line each; what fails
says its cure. See ferry copy --help for SRC, DST and NAME.

It writes a probe object of a few bytes on each side that a run writes to,
.ferry/check-…, and removes it again, also at Ctrl-C. The source is only read.
It asks with the keys of this machine: functions have roles of their own.

With --contract it holds your own clouds to everything that Ferry relies on,
sentence by sentence, in up to 5 minutes, and writes what it found to a file
without names, keys or addresses of yours, which you can give away. It writes
about 4,000 small objects and 40 MiB below a scratch prefix of the ledger, some
20 queues where queues are named, and removes all of it, also at Ctrl-C. The
source is only read; to hold Kodo to the whole contract, name a prefix of a
bucket of yours where it may write: --scratch 'kodo://my-scratch/ferry/'. The
keys need oss:DeleteObject, mns:CreateQueue and mns:DeleteQueue for it.

It exits with 0 if nothing needs a cure, with 2 if something does; a contract
that is not kept exits with 3.`,
		Example: `  ferry check photos
  ferry check 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou' --json | jq '.checks[] | select(.state == "fail")'
  ferry check photos --contract --yes --scratch 'kodo://my-scratch/ferry/?region=z0'`,
		Args: jobs.Places,
		RunE: func(c *cobra.Command, args []string) error {
			j, _, err := o.Asked(c, args, false)
			return runCheck(c, o, j, err)
		},
	}
	o.Flags.Add(c, func(f *pflag.FlagSet) {
		f.StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "a deployment's queues: mns://account/prefix?region=… (default: FERRY_QUEUES)")
		f.BoolVar(&o.ring, "ring", false, "post a test message to every webhook of the job's alerts")
		f.BoolVar(&o.json, "json", false, "print one line of JSON")
		o.withContract(f)
	})
	return c
}

// Ask asks whether a run of j would work and prints the findings, as ferry check does.
func Ask(c *cobra.Command, j job.Job) error {
	return runCheck(c, options{queues: os.Getenv("FERRY_QUEUES")}, j, nil)
}

// errToCure is the error of a check with a failed finding. The findings have been printed.
var errToCure = errors.New("something must be cured")

// runCheck asks about j and prints the findings. err has the mistakes of the command
// line; where there are any, or mistakes of the environment, all are errors of usage.
func runCheck(c *cobra.Command, o options, j job.Job, err error) error {
	cfg := app.Load(os.Getenv)
	cfg.QueuesAt = o.queues
	if err := errors.Join(err, cfg.Missing(j.Source, j.Target, j.Ledger), o.misplaced(c)); err != nil {
		return cli.Usage(err)
	}
	if o.contract {
		return runContract(c, o, cfg, j)
	}
	ctx, out := c.Context(), c.OutOrStdout()
	s := &checkShow{job: j, out: out, errOut: c.ErrOrStderr()}
	if file, ok := out.(*os.File); ok && !o.json {
		s.redraw = show.IsTerminal(file)
	}
	setup, err := cfg.CheckSetup(j)
	if err == nil {
		setup.Ring, setup.Asking, setup.Found = o.ring, s.ask, s.tell
		if o.json {
			setup.Asking, setup.Found = s.wait, s.keep
		}
		err = check.Run(ctx, setup)
	}
	s.clear()
	switch {
	case ctx.Err() != nil:
		return cli.ErrInterrupted
	case err != nil:
		return cli.Usage(err)
	}
	return s.end(o.json)
}

// checkShow prints findings in their order, and on a terminal the question under way.
type checkShow struct {
	job    job.Job
	out    io.Writer
	errOut io.Writer
	redraw bool   // the output is a terminal
	asking bool   // the last line is the question under way
	heard  func() // ends the wait for an answer; nil where nobody waits
	place  string
	found  []check.Finding
}

// at returns the location of a place; "" for queues and alerts.
func (s *checkShow) at(place string) string {
	switch place {
	case "source":
		return s.job.Source.Place()
	case "target":
		return s.job.Target.Place()
	case "ledger":
		return s.job.Ledger.Place()
	}
	return ""
}

// print writes to out. An error is ignored: the exit code does not depend on it.
func (s *checkShow) print(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format, args...)
}

// ask prints the question on a terminal, and elsewhere where its answer does not come; clear
// removes it.
func (s *checkShow) ask(place, what string) {
	s.head(place)
	if !s.redraw {
		s.wait(place, what)
		return
	}
	s.print("  …     %s", show.Question(what))
	s.asking = true
}

// wait tells of a question whose answer does not come, until clear.
func (s *checkShow) wait(place, what string) {
	s.heard = show.Waiting(s.errOut, show.ForAnswer, show.Sentence("check."+place), show.Question(what))
}

// clear removes the question under way.
func (s *checkShow) clear() {
	if s.heard != nil {
		s.heard()
		s.heard = nil
	}
	if s.asking {
		s.print("\r\x1b[K")
		s.asking = false
	}
}

// head prints the heading of a place, once.
func (s *checkShow) head(place string) {
	if s.place != place {
		s.place = place
		s.print("%s\n", strings.TrimSpace(show.Padded("check."+place, 7)+" "+s.at(place)))
	}
}

// keep keeps a finding for the end.
func (s *checkShow) keep(f check.Finding) {
	s.clear()
	s.found = append(s.found, f)
}

// tell prints a finding and keeps it.
func (s *checkShow) tell(f check.Finding) {
	s.keep(f)
	s.head(f.Place)
	head := fmt.Sprintf("  %s  %s  ", show.Padded("check."+string(f.State), 4), show.Column(show.Question(f.What), 12))
	s.print("%s\n", show.Folded(s.out, head, show.Translated(f.Says)))
}

// end prints the summary, or everything as JSON. A failed finding is an error of usage.
func (s *checkShow) end(asJSON bool) error {
	failed := 0
	for _, f := range s.found {
		if f.State == check.Fail {
			failed++
		}
	}
	if asJSON {
		err := json.NewEncoder(s.out).Encode(struct {
			Job    string          `json:"job"`
			OK     bool            `json:"ok"`
			Checks []check.Finding `json:"checks"`
		}{s.job.Name, failed == 0, s.found})
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return cli.Usage(fmt.Errorf("%d of %s failed: %w, then check again", failed, words.Count(int64(len(s.found)), "check", "checks"), errToCure))
	}
	if !asJSON {
		s.print("\n%s\n", show.Sentence("check.well"))
	}
	return nil
}
