package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/plan"
	"kodoferry/shared/plan/forecast"
	"kodoferry/shared/plan/sheet"
)

// planOptions are the flags of `ferry plan`.
type planOptions struct {
	jobs.Flags
	json, quiet, quick, printPrices bool
	prices                          string
}

func planCommand() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan {SRC DST | NAME}",
		Short: "Say what a run would do, cost and take, and write nothing",
		Long: `Plan is a dry run: it reads both sides as a run would and writes nothing, not
even a ledger. SRC, DST, NAME and the flags that shape the job are those of ferry copy.

It says, in this order:

  what would be copied, skipped, in conflict, refused or deleted, by storage
    class and by size, and why, with the first keys of each reason
  what it costs, the source's traffic first, because that is nearly always most
    of it; then what the copies cost each month
  how long it takes under each limit of the services and of the job, which of
    them binds, and which quotas to ask for, and what that would bring

A full plan lists both sides, which takes as long as listing takes: Ctrl-C
prints what was found until then. With --quick it is done in under a minute
whatever the bucket: how much there is comes from Kodo's own statistics, the
rest from 200 pages of keys spread over all names, and every number says that
it is an estimate. The target is then not compared. An s3:// source has no
statistics, so that how much there is is guessed from these pages, too; and its
listing tells no metadata.

Money and time come from a file of prices and quotas. The one built in holds
list prices of mainland China: check them, they are not your contract. Of
sources it knows Kodo alone. With FERRY_QUEUES set a plan is of that deployment,
its functions and queues included; else of one machine, whose own cost and speed
are not in it.`,
		Example: `  ferry plan 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry plan SRC DST --quick
  ferry plan --print-prices > prices.yaml
  ferry plan SRC DST --prices prices.yaml --json | jq .bill.sum`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case o.printPrices && len(args) > 0:
				return cli.Usage(errors.New("--print-prices stands alone: leave out the places, or the name of a job"))
			case o.printPrices:
				return nil
			}
			return jobs.Places(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if o.printPrices {
				_, err := io.WriteString(c.OutOrStdout(), forecast.DefaultPrices)
				return err
			}
			j, keys, err := o.Asked(c, args, false)
			return runPlan(c.Context(), o, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.Add(c, func(f *pflag.FlagSet) {
		f.StringVar(&o.prices, "prices", "", "a file of prices and quotas; what it leaves out is as built in")
		f.BoolVar(&o.printPrices, "print-prices", false, "print the prices and quotas that are built in, to be edited, and do nothing else")
		f.BoolVar(&o.quick, "quick", false, "under a minute whatever the bucket: estimates, from the bucket's statistics and 200 pages of keys")
		f.BoolVar(&o.json, "json", false, "print one document of JSON")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
	})
	return c
}

// dryFlag adds --dry-run to a command that begins a run.
func dryFlag(f *pflag.FlagSet, to *bool) {
	f.BoolVarP(to, "dry-run", "n", false, "say what would be done, cost and take, as ferry plan does, and write nothing")
}

// quickCheckTime leaves the rest of a minute to plan.QuickTime.
const quickCheckTime = 8 * time.Second

// runPlan plans j; err is what is wrong with j, which is returned with what is wrong with
// the flags and the environment.
func runPlan(ctx context.Context, o planOptions, j job.Job, keys []string, err error, out, errOut io.Writer) error {
	cfg := app.Load(os.Getenv)
	pr, perr := forecast.ReadPrices(o.prices)
	if o.quick && j.KeyList != "" {
		perr = errors.Join(perr, errors.New("--quick does not go with a list of keys: it guesses from the names of a whole bucket; leave --quick out, and the keys are looked up"))
	}
	if err := errors.Join(err, perr, cfg.Missing(j.Source, j.Target)); err != nil {
		return cli.Usage(err)
	}
	patience := cli.CheckTime
	if o.quick {
		patience = quickCheckTime
	}
	show.Remarks(errOut, j)
	waited := show.Waiting(errOut, show.ForEnds)
	sites, err := cli.Ends(ctx, cfg, j, patience)
	waited()
	if err != nil {
		return err
	}
	scan := show.NewScan(errOut, o.quiet)
	var plan plan.Plan
	if o.quick {
		plan, err = app.QuickPlan(ctx, sites, j, scan.Watch)
	} else {
		plan, err = app.Plan(ctx, sites, j, keys, scan.Watch)
	}
	scan.Stop()
	if err != nil && ctx.Err() == nil {
		return cli.Misconfigured(err)
	}
	if perr := o.print(forecast.New(j, plan, pr, cfg.QueuesAt != ""), out); perr != nil {
		return perr
	}
	if err != nil {
		return cli.ErrInterrupted
	}
	return nil
}

func (o planOptions) print(f forecast.Forecast, out io.Writer) error {
	if o.json {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(f)
	}
	reader := sheet.Reader{Lang: show.Spoken(), Width: show.WidthOf(out), Key: words.Key, Now: time.Now()}
	_, err := io.WriteString(out, reader.Text(f))
	return err
}
