package steering

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
)

// Resume is `ferry resume`.
func Resume() *cobra.Command {
	var o cli.TaskFlags
	return o.OnRun(&cobra.Command{
		Use:   "resume {JOB | RUN}",
		Short: "Let a paused run go on",
		Long: `Resume finds from the ledger what is open of a paused run and sends it to the
deployment's queues. A run of ferry copy goes on by the same ferry copy, once it
is resumed. RUN is <job>/<time>; a JOB stands for its newest run. Resuming a run
that goes on is no error and sends nothing.`,
		Example: "  ferry resume photos\n  ferry resume photos/20260101T120000Z --json",
	}, func(c *cobra.Command, run *ledger.Run, op *control.Operator) error {
		return resume(c.Context(), o, run, op, c.OutOrStdout(), c.ErrOrStderr())
	})
}

func resume(ctx context.Context, o cli.TaskFlags, run *ledger.Run, op *control.Operator, out, errOut io.Writer) error {
	s, err := run.ReadStarted(ctx)
	if err != nil {
		return err
	}
	now := cli.Steered{Run: run.Name, Standing: ledger.Going}
	if !s.Deployed {
		if err := op.Resume(ctx, run); err != nil {
			return cli.Misconfigured(err)
		}
		return o.Say(out, now, show.Sentence("steer.may_go_on", run.Name))
	}
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.Ledger, o.Queues
	d, err := cfg.Deploy(cli.Warnings(errOut))
	if err != nil {
		return cli.Usage(err)
	}
	if now.Sent, err = d.Resume(ctx, run.Name, time.Now()); err != nil {
		return cli.Misconfigured(err)
	}
	return o.Say(out, now, show.Sentence("steer.goes_on", run.Name, show.Count("tasks", now.Sent))+"\n"+show.Next("ferry status "+run.Name+" --watch"))
}
