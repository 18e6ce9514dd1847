package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// LedgerFlag adds --ledger to c.
func LedgerFlag(c *cobra.Command, at *string) {
	c.Flags().StringVar(at, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept: oss://bucket/.ferry/?region=… (default: FERRY_LEDGER)")
}

// LedgerName is where a ledger's location came from: the variable, unless --ledger says another.
func LedgerName(at string) string {
	if at == os.Getenv("FERRY_LEDGER") {
		return "FERRY_LEDGER"
	}
	return "--ledger"
}

// OpenLedger opens the ledger that --ledger or FERRY_LEDGER names.
func OpenLedger(at string) (*ledger.Ledger, job.Location, error) {
	if at == "" {
		return nil, job.Location{}, Usage(errors.New("no ledger: say where runs are kept, --ledger 'oss://bucket/.ferry/?region=…', or export FERRY_LEDGER"))
	}
	l, err := job.ParseLedger(at, LedgerName(at))
	cfg := app.Load(os.Getenv)
	if err := errors.Join(err, cfg.Missing(l)); err != nil {
		return nil, l, Usage(err)
	}
	led, err := cfg.Ledger(l)
	if err != nil {
		return nil, l, Usage(err)
	}
	return led, l, nil
}

// FindRun opens the run of that name, or the newest run of the job of that
// name. Its errors name the runs that exist. That it waits for the ledger is printed to waits.
func FindRun(ctx context.Context, at, name string, waits io.Writer) (*ledger.Run, error) {
	led, l, err := OpenLedger(at)
	if err != nil {
		return nil, err
	}
	return RunOf(ctx, led, l, name, waits)
}

// RunOf is FindRun in a ledger that is open.
func RunOf(ctx context.Context, led *ledger.Ledger, l job.Location, name string, waits io.Writer) (*ledger.Run, error) {
	defer show.Waiting(waits, show.ForLedger)()
	run, err := control.FindRun(ctx, led, l, name, time.Now())
	return run, Diagnosed(ctx, l, err)
}

// MostNamed is how many of the runs of a job an answer names: the newest.
const MostNamed = 10

// askTime bounds the question what is wrong with a ledger.
const askTime = 10 * time.Second

// Diagnosed is err, of the ledger at l, as it is to be told: where the ledger does not answer, or
// refuses, with the cure.
func Diagnosed(ctx context.Context, l job.Location, err error) error {
	if !ledger.IsTrouble(err) {
		return Misconfigured(err)
	}
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return Misconfigured(app.DiagnosedLedger(asked, app.Load(os.Getenv), l, err))
}
