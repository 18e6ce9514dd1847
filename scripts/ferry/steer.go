package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
)

// runFlags are the flags of a command that does something with one run.
type runFlags struct {
	ledger string
	json   bool
}

func (o *runFlags) add(c *cobra.Command) {
	ledgerFlag(c, &o.ledger)
	c.Flags().BoolVar(&o.json, "json", false, "print one line of JSON")
}

// open opens the run that name stands for, and the operator of its ledger.
func (o *runFlags) open(ctx context.Context, name string, waits io.Writer) (*ledger.Run, *control.Operator, error) {
	led, at, err := openLedger(o.ledger)
	if err != nil {
		return nil, nil, err
	}
	run, err := runOf(ctx, led, at, name)
	if err != nil {
		return nil, nil, err
	}
	return run, operate(led, waits), nil
}

// openJob opens the ledger of the flags, where it knows a job of that name.
func (o *runFlags) openJob(ctx context.Context, name string) (*ledger.Ledger, error) {
	led, at, err := openLedger(o.ledger)
	if err != nil {
		return nil, err
	}
	return led, known(ctx, led, at, name)
}

// operate returns the operator of a ledger. What it waits for is printed to waits.
func operate(led *ledger.Ledger, waits io.Writer) *control.Operator {
	op := app.Load(os.Getenv).Operate(led, slog.New(slog.DiscardHandler))
	op.Waits = func(d time.Duration) {
		fmt.Fprintf(waits, "waiting up to %s until everybody at work has noticed, and nothing is written or removed any more\n", words.Duration(d))
	}
	return op
}

// steered is what commands that steer a run say with --json.
type steered struct {
	Run      string          `json:"run"`
	Standing ledger.Standing `json:"standing"`
	Sent     int             `json:"sent,omitempty"` // tasks sent to a deployment's queues
}

// say prints what is so now, in words or as JSON.
func (o *runFlags) say(out io.Writer, as any, format string, args ...any) error {
	if o.json {
		return json.NewEncoder(out).Encode(as)
	}
	_, err := fmt.Fprintf(out, format+"\n", args...)
	return err
}
