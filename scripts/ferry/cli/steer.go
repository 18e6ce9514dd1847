package cli

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
)

// RunFlags are the flags of a command that does something with one run.
type RunFlags struct {
	Ledger string
	JSON   bool
}

// Add adds these flags to c.
func (o *RunFlags) Add(c *cobra.Command) {
	LedgerFlag(c, &o.Ledger)
	c.Flags().BoolVar(&o.JSON, "json", false, "print one line of JSON")
}

// Open opens the run that name stands for, and the operator of its ledger.
func (o *RunFlags) Open(ctx context.Context, name string, waits io.Writer) (*ledger.Run, *control.Operator, error) {
	led, at, err := OpenLedger(o.Ledger)
	if err != nil {
		return nil, nil, err
	}
	run, err := RunOf(ctx, led, at, name, waits)
	if err != nil {
		return nil, nil, err
	}
	return run, Operate(led, waits), nil
}

// OnRun makes c a command that does something with one run, which it names.
func (o *RunFlags) OnRun(c *cobra.Command, do func(c *cobra.Command, run *ledger.Run, op *control.Operator) error) *cobra.Command {
	c.Args = Exactly("JOB or RUN")
	c.RunE = func(c *cobra.Command, args []string) error {
		run, op, err := o.Open(c.Context(), args[0], c.ErrOrStderr())
		if err != nil {
			return err
		}
		return do(c, run, op)
	}
	o.Add(c)
	return c
}

// TaskFlags are the flags of a command about one run that may send tasks of it.
type TaskFlags struct {
	RunFlags
	Queues string
}

// OnRun makes c a command that does something with one run, which it names.
func (o *TaskFlags) OnRun(c *cobra.Command, do func(c *cobra.Command, run *ledger.Run, op *control.Operator) error) *cobra.Command {
	o.RunFlags.OnRun(c, do)
	QueuesFlag(c.Flags(), &o.Queues)
	return c
}

// OnJob makes c a command that does something with one job, which it names.
func (o *RunFlags) OnJob(c *cobra.Command, do func(c *cobra.Command, led *ledger.Ledger, job string) error) *cobra.Command {
	c.Args = Exactly("JOB")
	c.RunE = func(c *cobra.Command, args []string) error {
		led, err := o.OpenJob(c.Context(), args[0])
		if err != nil {
			return err
		}
		return do(c, led, args[0])
	}
	o.Add(c)
	return c
}

// OpenJob opens the ledger of the flags, where it knows a job of that name.
func (o *RunFlags) OpenJob(ctx context.Context, name string) (*ledger.Ledger, error) {
	led, at, err := OpenLedger(o.Ledger)
	if err != nil {
		return nil, err
	}
	return led, Known(ctx, led, at, name)
}

// Operate returns the operator of a ledger. What it waits for is printed to waits.
func Operate(led *ledger.Ledger, waits io.Writer) *control.Operator {
	op := app.Load(os.Getenv).Operate(led, slog.New(slog.DiscardHandler))
	op.Waits = func(d time.Duration) {
		_ = show.Print(waits, show.Sentence("steer.waits", show.Span(d))) // a failed write stops nothing
	}
	return op
}

// Steered is what commands that steer a run say with --json.
type Steered struct {
	Run      string          `json:"run"`
	Standing ledger.Standing `json:"standing"`
	Sent     int             `json:"sent,omitempty"` // tasks sent to a deployment's queues
}

// Say prints what is so now, in words or as JSON.
func (o *RunFlags) Say(out io.Writer, as any, text string) error {
	if o.JSON {
		return json.NewEncoder(out).Encode(as)
	}
	return show.Print(out, text)
}
