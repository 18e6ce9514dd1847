package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// ledgerFlag adds --ledger to c.
func ledgerFlag(c *cobra.Command, at *string) {
	c.Flags().StringVar(at, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept: oss://bucket/.ferry/?region=… (default: FERRY_LEDGER)")
}

// openLedger opens the ledger that --ledger or FERRY_LEDGER names.
func openLedger(at string) (*ledger.Ledger, job.Location, error) {
	if at == "" {
		return nil, job.Location{}, usageError{errors.New("no ledger: say where runs are kept, --ledger 'oss://bucket/.ferry/?region=…', or export FERRY_LEDGER")}
	}
	l, err := job.ParseLocation(at)
	cfg := app.Load(os.Getenv)
	if err := errors.Join(err, cfg.Missing(l)); err != nil {
		return nil, l, usageError{err}
	}
	led, err := cfg.Ledger(l)
	if err != nil {
		return nil, l, usageError{err}
	}
	return led, l, nil
}

// findRun opens the run of that name, or the newest run of the job of that
// name. Its errors name the runs that exist.
func findRun(ctx context.Context, at, name string) (*ledger.Run, error) {
	led, l, err := openLedger(at)
	if err != nil {
		return nil, err
	}
	return runOf(ctx, led, l, name)
}

// runOf is findRun in a ledger that is open.
func runOf(ctx context.Context, led *ledger.Ledger, l job.Location, name string) (*ledger.Run, error) {
	jobName, when, whole := strings.Cut(name, "/")
	if jobName == "" || strings.Contains(when, "/") || whole && when == "" {
		return nil, usageError{fmt.Errorf("%q names no run: it is <job>/<time>, or <job> for the newest", name)}
	}
	if whole {
		run := led.Run(name)
		if _, err := run.Started(ctx); !ledger.Missing(err) {
			return run, misconfigured(err)
		}
		runs, err := led.Runs(ctx, jobName)
		if err != nil {
			return nil, misconfigured(err)
		}
		if len(runs) > 0 {
			return nil, usageError{fmt.Errorf("there is no run %q in %s; of that job there are: %s", name, l.Place(), strings.Join(runs[max(0, len(runs)-mostNamed):], ", "))}
		}
	}
	newest, err := led.Newest(ctx, jobName, time.Now())
	switch {
	case err != nil:
		return nil, misconfigured(err)
	case newest == "":
		return nil, usageError{fmt.Errorf("there is no run of a job %q in %s", jobName, l.Place())}
	}
	run := led.Run(newest)
	_, err = run.Started(ctx)
	return run, misconfigured(err)
}

// mostNamed is how many of the runs of a job an error names: the newest.
const mostNamed = 10
