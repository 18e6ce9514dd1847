package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/check"
	"kodoferry/shared/job"
)

// checkOptions are the flags of `ferry check`.
type checkOptions struct {
	jobFlags
	contractOptions
	queues     string
	json, ring bool
}

func checkCommand() *cobra.Command {
	var o checkOptions
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
		Args: places,
		RunE: func(c *cobra.Command, args []string) error {
			j, _, err := o.asked(c, args, false)
			return runCheck(c, o, j, err)
		},
	}
	o.jobFlags.add(c, func(f *pflag.FlagSet) {
		f.StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "a deployment's queues: mns://account/prefix?region=… (default: FERRY_QUEUES)")
		f.BoolVar(&o.ring, "ring", false, "post a test message to every webhook of the job's alerts")
		f.BoolVar(&o.json, "json", false, "print one line of JSON")
		o.withContract(f)
	})
	return c
}

// errToCure ends a check that found something to cure. What it is has been told.
var errToCure = errors.New("something must be cured")

// runCheck checks j, or tells what is wrong with it (err) and with the environment.
func runCheck(c *cobra.Command, o checkOptions, j job.Job, err error) error {
	cfg := app.Load(os.Getenv)
	cfg.QueuesAt = o.queues
	if err := errors.Join(err, cfg.Missing(j.Source, j.Target, j.Ledger), o.misplaced(c)); err != nil {
		return usageError{err}
	}
	if o.contract {
		return runContract(c, o, cfg, j)
	}
	ctx, out := c.Context(), c.OutOrStdout()
	s := &checkShow{job: j, out: out}
	if file, ok := out.(*os.File); ok && !o.json {
		s.redraw = isTerminal(file)
	}
	setup, err := cfg.CheckSetup(j)
	if err == nil {
		setup.Ring, setup.Asking, setup.Found = o.ring, s.ask, s.tell
		if o.json {
			setup.Asking, setup.Found = nil, func(f check.Finding) { s.found = append(s.found, f) }
		}
		err = check.Run(ctx, setup)
	}
	s.clear()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return usageError{err}
	}
	return s.end(o.json)
}

// checkShow shows what an examination finds, as it finds it.
type checkShow struct {
	job    job.Job
	out    io.Writer
	redraw bool // the output is a terminal
	asking bool // a line tells what is asked
	place  string
	found  []check.Finding
}

// at is what stands behind the name of a place.
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

func (s *checkShow) print(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format, args...) // a reader that went away misses the show
}

// ask shows on a terminal what is asked, until it is answered.
func (s *checkShow) ask(place, what string) {
	s.head(place)
	if s.redraw {
		s.print("  …     %s", what)
		s.asking = true
	}
}

func (s *checkShow) clear() {
	if s.asking {
		s.print("\r\x1b[K")
		s.asking = false
	}
}

func (s *checkShow) head(place string) {
	if s.place != place {
		s.place = place
		s.print("%s\n", strings.TrimSpace(fmt.Sprintf("%-7s %s", place, s.at(place))))
	}
}

// stateWords are as wide as each other.
var stateWords = map[check.State]string{check.OK: "ok  ", check.Fail: "FAIL", check.Note: "note"}

func (s *checkShow) tell(f check.Finding) {
	s.clear()
	s.head(f.Place)
	s.found = append(s.found, f)
	s.print("  %s  %-12s  %s\n", stateWords[f.State], f.What, printable(f.Says))
}

// printable is text without what could fool a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// end sums up. What needs a cure makes the exit code.
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
		return usageError{fmt.Errorf("%d of %s failed: %w, then check again", failed, words.Count(int64(len(s.found)), "check", "checks"), errToCure)}
	}
	if !asJSON {
		s.print("\nAll is well. Next: ferry plan, or ferry copy, with the same words.\n")
	}
	return nil
}
