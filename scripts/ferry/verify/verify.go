// Package verify is `ferry verify`: a run that is over is verified once more.
package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
)

// options are the flags of `ferry verify`.
type options struct {
	at, queues, mode, sample, prefix, seed string
	json, quiet, here                      bool
}

// Command is `ferry verify`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "verify {RUN | JOB}",
		Short: "Verify a finished run once more, at any time",
		Long: `Verify holds what a run proved against what is there now. It changes nothing on
either side; of the source it reads no bytes. RUN is <job>/<time>; a JOB stands for
its newest run, which must be over.

  --mode rows  both sides are listed again: the target must list the ETag and size that
               the run proved, the source the version that it copied
  --mode head  one HEAD of each object in the target: ETag, size, CRC64, and the
               source's hash that Ferry keeps with it
  --mode read  the bytes of each object in the target are read, and their qetag or MD5
               is held against what the source lists now. It finds what no listing can
               tell. Inside the target's region reading costs nothing but requests

Of many objects, a sample tells much: --sample 1% takes the keys whose hash with the
seed is among the first hundredth, so that the same seed takes the same keys. Without
--seed each verification has a seed of its own.

What was deleted at the source since the run does not speak against its copy, and is
counted apart; a new version at the source is not verified. Keys that the run did not
list are not looked at: ferry diff finds them.

A run of a deployment is verified by its functions, which takes --queues or
FERRY_QUEUES; with --here, and any other run, by this process. Interrupted, the same
command goes on. The outcome is kept beside the run's report, and ferry report RUN
names it. It ends with 0 where everything that was looked at is verified, else with 3.`,
		Example: `  ferry verify photos
  ferry verify photos --mode read --sample 1%
  ferry verify photos/20260101T120000Z --mode head --prefix 2019/
  ferry verify photos --mode read --json | jq .findings`,
		Args: cli.Exactly("RUN or JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.verify(c.Context(), args[0], c.OutOrStdout(), c.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cli.LedgerFlag(c, &o.at)
	f := c.Flags()
	f.StringVar(&o.mode, "mode", string(reproof.Rows), "what the run's rows are held against: `rows`, head or read")
	f.StringVar(&o.sample, "sample", "100%", "the `SHARE` of the objects that is looked at: 1%, 0.1%")
	f.StringVar(&o.prefix, "prefix", "", "only objects whose source key begins so")
	f.StringVar(&o.seed, "seed", "", "`WORD` by which a sample is chosen (default: the time)")
	cli.QueuesFlag(f, &o.queues)
	f.BoolVar(&o.here, "here", false, "verify a run of a deployment in this process, too")
	f.BoolVar(&o.json, "json", false, "end with the report as one line of JSON on standard output; all else goes to standard error")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	return c
}

// asked returns what the flags ask for. The error has every mistake.
func (o *options) asked() (ledger.Verification, error) {
	mode, merr := reproof.ParseMode(o.mode)
	share, serr := reproof.ParseShare(o.sample)
	var errs []error
	for flag, err := range map[string]error{"--mode": merr, "--sample": serr} {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	return ledger.Verification{Mode: string(mode), Sample: share, Prefix: o.prefix, Seed: o.seed}, errors.Join(errs...)
}

func (o *options) verify(ctx context.Context, name string, out, errOut io.Writer) error {
	v, err := o.asked()
	if err != nil {
		return cli.Usage(err)
	}
	led, at, err := cli.OpenLedger(o.at)
	if err != nil {
		return err
	}
	if ledger.IsVerification(name) {
		return cli.Usage(fmt.Errorf("%s is a verification itself: name its run, %s", name, ledger.VerifiedRun(name)))
	}
	run, err := cli.RunOf(ctx, led, at, name, errOut)
	if err != nil {
		return err
	}
	j, started, err := report.JobOf(ctx, run)
	if err != nil {
		return cli.Misconfigured(err)
	}
	j.Ledger = at
	v.Run = run.Name
	if v.Prefix == "" {
		v.Prefix = j.Source.Prefix
	}
	if !strings.HasPrefix(v.Prefix, j.Source.Prefix) {
		return cli.Usage(fmt.Errorf("--prefix %s: the run is of keys that begin with %s", words.Key(o.prefix), words.Key(j.Source.Prefix)))
	}
	tell := show.NewTeller(out)
	if o.json {
		tell = show.NewTeller(errOut)
	}
	bar := show.NewScan(errOut, o.quiet)
	var rep reproof.Report
	if started.Deployed && !o.here {
		rep, err = o.there(ctx, run, j, v, tell, bar, errOut)
	} else {
		rep, err = here(ctx, led, run, j, v, tell, bar)
	}
	bar.Stop()
	switch {
	case ctx.Err() != nil:
		tell.Plain("%s", show.Sentence("again.interrupted"))
		return cli.ErrInterrupted
	case err != nil:
		return cli.Misconfigured(err)
	}
	return o.ended(rep, tell, out)
}

// here verifies a run in this process.
func here(ctx context.Context, led *ledger.Ledger, run *ledger.Run, j job.Job, v ledger.Verification, tell *show.Teller, bar *show.Scan) (reproof.Report, error) {
	sites, err := cli.Ends(ctx, app.Load(os.Getenv), j, cli.CheckTime)
	if err != nil {
		return reproof.Report{}, err
	}
	sites.Ledger = led
	return app.Verify(ctx, sites, j, run, v, func(name string, goesOn bool) { begun(tell, name, goesOn) }, agent.CopyOptions{
		Watch: func(e watch.Progress) {
			if e.Kind == watch.Proven {
				bar.Watch(e.N, e.Bytes)
			}
		},
	})
}

func begun(tell *show.Teller, name string, goesOn bool) {
	text := show.Sentence("again.begins", name)
	if goesOn {
		text = show.Sentence("again.goes_on", name)
	}
	tell.Plain("%s", text)
}

// there has the functions of a deployment verify a run, and waits for their report.
func (o *options) there(ctx context.Context, run *ledger.Run, j job.Job, v ledger.Verification, tell *show.Teller, bar *show.Scan, errOut io.Writer) (reproof.Report, error) {
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.at, o.queues
	d, err := cfg.Deploy(cli.Warnings(errOut))
	if err != nil {
		return reproof.Report{}, cli.Usage(fmt.Errorf("%w; or verify it in this process, by --here", err))
	}
	checked, cancel := context.WithTimeout(ctx, cli.CheckTime)
	err = d.Check(checked, j)
	cancel()
	if err != nil {
		return reproof.Report{}, err
	}
	name, err := d.Control().Verify(ctx, run, v, time.Now())
	if err != nil {
		return reproof.Report{}, err
	}
	begun(tell, name, false)
	tell.Plain("%s", show.Sentence("again.there"))
	return await(ctx, d.Ledger().Run(name), bar.Watch)
}

// ended prints what a verification came to.
func (o *options) ended(rep reproof.Report, tell *show.Teller, out io.Writer) error {
	if err := show.Verification(tell.Writer(), rep); err != nil {
		return err
	}
	tell.Plain("%s", show.Next("ferry report "+rep.Verification))
	if o.json {
		line, err := json.Marshal(rep)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
	if !rep.Verified {
		return cli.ErrIncomplete
	}
	return nil
}
