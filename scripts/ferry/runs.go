package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// ledgerFlag adds --ledger to c.
func ledgerFlag(c *cobra.Command, at *string) {
	c.Flags().StringVar(at, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept: oss://bucket/.ferry/?region=… (default: FERRY_LEDGER)")
}

// findRun opens the run of that name, or the newest run of the job of that
// name, with its progress. Its errors name the runs that exist.
func findRun(ctx context.Context, at, name string) (*ledger.Run, ledger.Progress, error) {
	var none ledger.Progress
	if at == "" {
		return nil, none, usageError{errors.New("no ledger: say where runs are kept, --ledger 'oss://bucket/.ferry/?region=…', or export FERRY_LEDGER")}
	}
	l, err := job.ParseLocation(at)
	cfg := app.Load(os.Getenv)
	if err := errors.Join(err, cfg.Missing(l)); err != nil {
		return nil, none, usageError{err}
	}
	led, err := cfg.Ledger(l)
	if err != nil {
		return nil, none, usageError{err}
	}
	jobName, when, whole := strings.Cut(name, "/")
	if jobName == "" || strings.Contains(when, "/") || whole && when == "" {
		return nil, none, usageError{fmt.Errorf("%q names no run: it is <job>/<time>, or <job> for the newest", name)}
	}
	if whole {
		run := led.Run(name)
		p, err := run.Walk(ctx)
		if !ledger.Missing(err) {
			return run, p, misconfigured(err)
		}
	}
	runs, err := led.Runs(ctx, jobName)
	switch {
	case err != nil:
		return nil, none, misconfigured(err)
	case len(runs) == 0:
		return nil, none, usageError{fmt.Errorf("there is no run of a job %q in %s", jobName, bare(l))}
	case whole:
		return nil, none, usageError{fmt.Errorf("there is no run %q in %s; of that job there are: %s", name, bare(l), strings.Join(runs, ", "))}
	}
	run := led.Run(runs[len(runs)-1])
	p, err := run.Walk(ctx)
	return run, p, misconfigured(err)
}
