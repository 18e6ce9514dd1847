package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
)

// startOptions are the flags of `ferry start`.
type startOptions struct {
	jobFlags
	queues string
	json   bool
}

func startCommand() *cobra.Command {
	var o startOptions
	c := &cobra.Command{
		Use:   "start {SRC DST | NAME}",
		Short: "Start a run that a deployment's functions do",
		Long: `Start begins a whole migration and puts its first tasks into the queues of a
deployment. The functions behind these queues do the rest, however long it
takes; this machine may be switched off. See ferry copy --help for SRC, DST and
NAME.

Leave endpoint= out of DST: functions that reach their ledger by the region's
own network reach a target in the same region by it, too.

The ledger and the queues must be those that the functions were deployed with:
--ledger or FERRY_LEDGER, --queues or FERRY_QUEUES.`,
		Example: `  export FERRY_LEDGER='oss://my-ledger/.ferry/?region=cn-hangzhou'
  export FERRY_QUEUES='mns://1234567890123456/ferry-?region=cn-hangzhou'
  ferry start 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry status RUN --watch`,
		Args: places,
		RunE: func(c *cobra.Command, args []string) error {
			j, keys, err := o.asked(c, args, true)
			return runStart(c.Context(), o, j, keys, err, c.OutOrStdout())
		},
	}
	o.add(c, func(f *pflag.FlagSet) {
		f.Lookup("ledger").Usage = "the deployment's ledger: oss://bucket/prefix/?region=… (default: FERRY_LEDGER)"
		f.StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "the deployment's queues: mns:// or sqs://account/prefix?region=… (default: FERRY_QUEUES)")
		f.BoolVar(&o.json, "json", false, "print the run's name as one line of JSON")
	})
	return c
}

// runStart starts j, or tells what is wrong with it (err) and with the deployment.
func runStart(ctx context.Context, o startOptions, j job.Job, keys []string, err error, out io.Writer) error {
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.ledger, o.queues
	d, derr := cfg.Deploy(slog.New(slog.DiscardHandler))
	if err := errors.Join(err, derr); err != nil {
		return usageError{err}
	}
	checked, cancel := context.WithTimeout(ctx, checkTime)
	err = d.Check(checked, j)
	cancel()
	if err != nil {
		return misconfigured(err)
	}
	run, err := d.Start(ctx, j, keys, time.Now())
	if err != nil {
		return misconfigured(err)
	}
	if o.json {
		return json.NewEncoder(out).Encode(map[string]string{"run": run})
	}
	_, err = fmt.Fprintf(out, "%s -> %s\nrun %s is with the functions, kept in %s\nNext: ferry status %s --watch\n", bare(j.Source), bare(j.Target), run, bare(j.Ledger), run)
	return err
}
