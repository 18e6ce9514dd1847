package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

func retryCommand() *cobra.Command {
	var o cli.TaskFlags
	return o.OnRun(&cobra.Command{
		Use:   "retry {JOB | RUN}",
		Short: "Begin a run for what failed in another, and nothing else",
		Long: `Retry begins a new run of the same job, by the rules of the run that is retried,
for the keys that failed in it, that differ in the target, or that were open when
it was cancelled. Nothing is listed but these, and nothing is deleted. A run of
a deployment is begun for its functions, one of ferry copy is done here, as ferry
copy does it.

Conflicts are not tried again: decide about them, then start the job with another
overwrite. Stretches of the source that were never listed take a run of the whole
job. RUN is <job>/<time>, and must be over; a JOB stands for its newest run. With
nothing to retry it ends with 0 and begins nothing.`,
		Example: "  ferry report photos\n  ferry retry photos",
	}, func(c *cobra.Command, run *ledger.Run, _ *control.Operator) error {
		return retry(c.Context(), o, run, c.OutOrStdout(), c.ErrOrStderr())
	})
}

func retry(ctx context.Context, o cli.TaskFlags, run *ledger.Run, out, errOut io.Writer) error {
	r, err := control.RetryOf(ctx, run)
	if err != nil {
		return cli.Misconfigured(err)
	}
	if r.Stretches > 0 {
		_ = show.Print(errOut, show.Sentence("retry.stretches", show.Count("stretcheswere", r.Stretches), run.Name)) // a failed write stops nothing
	}
	if len(r.Keys) == 0 {
		return o.Say(out, map[string]any{"run": "", "keys": 0}, show.Sentence("retry.nothing", run.Name))
	}
	if !r.Deployed {
		return retryHere(ctx, o, r.Job, r.Keys, out, errOut)
	}
	s := startOptions{queues: o.Queues, json: o.JSON}
	s.Ledger = o.Ledger
	return runStart(ctx, s, r.Job, r.Keys, nil, out, errOut)
}

// retryHere does it in this process, unless a run of the job is under way: ferry copy
// would go on with that one.
func retryHere(ctx context.Context, o cli.TaskFlags, j job.Job, keys []string, out, errOut io.Writer) error {
	led, at, err := cli.OpenLedger(o.Ledger)
	if err != nil {
		return err
	}
	newest, err := cli.RunOf(ctx, led, at, j.Name, errOut)
	if err != nil {
		return err
	}
	over, err := newest.Over(ctx)
	if err != nil {
		return err
	}
	if !over {
		return cli.Usage(fmt.Errorf("run %s is not over: let ferry copy end it first, or end it by ferry cancel %s", newest.Name, newest.Name))
	}
	return runCopy(ctx, copyOptions{json: o.JSON}, j, keys, nil, out, errOut)
}
