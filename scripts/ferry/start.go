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

	"kodoferry/shared/app"
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
		Use:   "start SRC DST",
		Short: "Start a run that a deployment's functions do",
		Long: `Start begins a whole migration and puts its first tasks into the queues of a
deployment. The functions behind these queues do the rest, however long it
takes; this machine may be switched off. See ferry copy --help for SRC and DST.

Leave endpoint= out of DST: functions that reach their ledger by the region's
own network reach a target in the same region by it, too.

The ledger and the queues must be those that the functions were deployed with:
--ledger or FERRY_LEDGER, --queues or FERRY_QUEUES.`,
		Example: `  export FERRY_LEDGER='oss://my-ledger/.ferry/?region=cn-hangzhou'
  export FERRY_QUEUES='mns://1234567890123456/ferry-?region=cn-hangzhou'
  ferry start 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry status RUN --watch`,
		Args: exactly("SRC", "DST"),
		RunE: func(c *cobra.Command, args []string) error {
			return runStart(c.Context(), o, args[0], args[1], c.OutOrStdout())
		},
	}
	o.add(c.Flags())
	c.Flags().Lookup("ledger").Usage = "the deployment's ledger: oss://bucket/prefix/?region=… (default: FERRY_LEDGER)"
	c.Flags().StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "the deployment's queues: mns://account/prefix?region=… (default: FERRY_QUEUES)")
	c.Flags().BoolVar(&o.json, "json", false, "print the run's name as one line of JSON")
	return c
}

func runStart(ctx context.Context, o startOptions, src, dst string, out io.Writer) error {
	j, err := o.job(src, dst)
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
	run, err := d.Start(ctx, j, time.Now())
	if err != nil {
		return misconfigured(err)
	}
	if o.json {
		return json.NewEncoder(out).Encode(map[string]string{"run": run})
	}
	_, err = fmt.Fprintf(out, "%s -> %s\nrun %s is with the functions, kept in %s\nNext: ferry status %s --watch\n", bare(j.Source), bare(j.Target), run, bare(j.Ledger), run)
	return err
}
