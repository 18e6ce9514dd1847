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

// open opens the run that name stands for, and who may do something with it.
func (o *runFlags) open(ctx context.Context, name string, told io.Writer) (*ledger.Run, *control.Operator, error) {
	led, at, err := openLedger(o.ledger)
	if err != nil {
		return nil, nil, err
	}
	run, err := runOf(ctx, led, at, name)
	if err != nil {
		return nil, nil, err
	}
	return run, operate(led, told), nil
}

// operate returns the operator of a ledger, who says to told what it waits for.
func operate(led *ledger.Ledger, told io.Writer) *control.Operator {
	op := app.Load(os.Getenv).Operate(led, slog.New(slog.DiscardHandler))
	op.Waits = func(d time.Duration) {
		fmt.Fprintf(told, "waiting up to %s until everybody at work has noticed, and nothing is written or removed any more\n", words.Duration(d))
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
