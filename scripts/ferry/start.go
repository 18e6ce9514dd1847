package main

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
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/registry"
)

// startOptions are the flags of `ferry start`.
type startOptions struct {
	jobs.Flags
	queues string
	json   bool
	dry    bool
}

func startCommand() *cobra.Command {
	var o startOptions
	c := &cobra.Command{
		Use:   "start {SRC DST | NAME}",
		Short: "Start a run that a deployment's functions do",
		Long: `Start begins a whole migration and puts its first tasks into the queues of a
deployment. The functions behind these queues do the rest, however long it
takes; this machine may be switched off. See ferry copy --help for SRC, DST and
NAME. A job that no file has is looked for in the ledger, where ferry jobs apply
keeps them.

Leave endpoint= out of DST: functions that reach their ledger by the region's
own network reach a target in the same region by it, too.

The ledger and the queues must be those that the functions were deployed with:
--ledger or FERRY_LEDGER, --queues or FERRY_QUEUES.`,
		Example: `  export FERRY_LEDGER='oss://my-ledger/.ferry/?region=cn-hangzhou'
  export FERRY_QUEUES='mns://1234567890123456/ferry-?region=cn-hangzhou'
  ferry start 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry status RUN --watch`,
		Args: jobs.Places,
		RunE: func(c *cobra.Command, args []string) error {
			j, keys, err := o.Asked(c, args, true)
			if _, none := errors.AsType[jobs.NoJob](err); none && o.Ledger != "" {
				j, keys, err = o.kept(c, args[0], err)
			}
			if o.dry {
				return runPlan(c.Context(), planOptions{json: o.json}, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
			}
			return runStart(c.Context(), o, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.Add(c, func(f *pflag.FlagSet) {
		f.Lookup("ledger").Usage = "the deployment's ledger: oss://bucket/prefix/?region=… (default: FERRY_LEDGER)"
		cli.QueuesFlag(f, &o.queues)
		f.BoolVar(&o.json, "json", false, "print the run's name as one line of JSON")
		dryFlag(f, &o.dry)
	})
	return c
}

// kept returns the job of that name from the deployment's ledger, and its keys. Where
// the ledger keeps none, the error includes nofile.
func (o *startOptions) kept(c *cobra.Command, name string, nofile error) (job.Job, []string, error) {
	led, _, err := cli.OpenLedger(o.Ledger)
	if err != nil {
		return job.Job{}, nil, errors.Join(nofile, err)
	}
	j, record, err := control.KeptJob(c.Context(), led, name)
	if ledger.Missing(err) {
		return j, nil, errors.Join(nofile, err)
	}
	if err != nil {
		return j, nil, err
	}
	if shaped := o.Changed(c, true); len(shaped) > 0 {
		return j, nil, fmt.Errorf("%s: what the job %s is to be is kept in the ledger; change it by ferry jobs apply, or give SRC and DST instead of its name", strings.Join(shaped, ", "), words.Key(name))
	}
	keys, err := kept.ReadJobKeys(c.Context(), led.Folder(), record)
	return j, keys, err
}

// differs prints a warning where the ledger keeps another job under j's name: timers
// begin that one.
func differs(ctx context.Context, led *ledger.Ledger, j job.Job, errOut io.Writer) error {
	other, _, err := control.KeptJob(ctx, led, j.Name)
	switch {
	case ledger.Missing(err):
		return nil
	case ledger.Unreadable(err): // the run has begun, and is not of that one
		cli.Complain(errOut, err)
		return nil
	case err != nil:
		return err
	}
	changes, err := registry.Differences(other, j)
	if err == nil && len(changes) > 0 && j.KeyList == other.KeyList {
		cli.Complain(errOut, fmt.Errorf("the ledger keeps another job %s, which timers begin: ferry jobs apply %s takes this one over", j.Name, j.Name))
	}
	return err
}

// runStart starts j and prints its run. err has the mistakes of the command line; where
// there are any, or mistakes of the deployment, all are errors of usage.
func runStart(ctx context.Context, o startOptions, j job.Job, keys []string, err error, out, errOut io.Writer) error {
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.Ledger, o.queues
	d, derr := cfg.Deploy(cli.Warnings(errOut))
	if err := errors.Join(err, derr); err != nil {
		return cli.Usage(err)
	}
	show.Remarks(errOut, j)
	waited := show.Waiting(errOut, show.ForDeployment)
	checked, cancel := context.WithTimeout(ctx, cli.CheckTime)
	err = d.Check(checked, j)
	cancel()
	waited()
	if err != nil {
		return cli.Misconfigured(err)
	}
	run, err := d.Start(ctx, j, keys, time.Now())
	if err != nil {
		return cli.Misconfigured(err)
	}
	if err := differs(ctx, d.Ledger(), j, errOut); err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(out).Encode(map[string]string{"run": run})
	}
	return show.Print(out, j.Source.Place()+" -> "+j.Target.Place()+"\n"+show.Sentence("start.begun", run, j.Ledger.Place())+"\n"+show.Next("ferry status "+run+" --watch"))
}
