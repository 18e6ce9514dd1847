package steering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/report"
)

// graceFlag adds --wait to c.
func graceFlag(c *cobra.Command, to *time.Duration) {
	c.Flags().DurationVar(to, "wait", limit.Notice, "how long those at work are given to notice before the books are closed; what they do later is in no report")
}

// Cancel is `ferry cancel`.
func Cancel() *cobra.Command {
	var o cli.RunFlags
	var grace time.Duration
	c := o.OnRun(&cobra.Command{
		Use:   "cancel {JOB | RUN}",
		Short: "End a run before its end, with a report of what was done and what is open",
		Long: fmt.Sprintf(`Cancel ends a run for good. Everybody at work, here or in functions, stops within
%s; then open uploads are aborted, and the report is written: its result is
cancelled, and its books say what was done and what is open. What was copied
stays. A task that comes late writes nothing any more.

Of a run of events, <job>/<day>-events, the whole UTC day is cancelled: each of its
runs gets its report, and what is notified of until that day ends is not looked at,
nor is what waits: the job's next run finds it. The next day is a run of its own;
to follow no events any more, take events: out of the job (ferry jobs apply).

RUN is <job>/<time>; a JOB stands for its newest run. Interrupted, the same
command ends what it began; so does a deployment's sweeper. Cancelling twice is
no error. What is open a new run finds, or ferry retry.`, words.Duration(limit.Notice)),
		Example: "  ferry cancel photos\n  ferry report photos",
	}, func(c *cobra.Command, run *ledger.Run, op *control.Operator) error {
		rep, err := op.Cancel(c.Context(), run, grace)
		if err != nil {
			return cancelFailed(c.Context(), err, run.Name)
		}
		if rep.Result != report.Cancelled {
			return cli.Usage(fmt.Errorf("run %s is over: it ended %s, and ferry report %s tells more", run.Name, rep.Result, run.Name))
		}
		if o.JSON {
			return o.Say(c.OutOrStdout(), rep.Summary, "")
		}
		if err := show.Summary(c.OutOrStdout(), rep); err != nil {
			return err
		}
		return o.Say(c.OutOrStdout(), nil, show.Next("ferry report "+run.Name))
	})
	graceFlag(c, &grace)
	return c
}

// cancelFailed says what holds of a run whose books are not closed yet.
func cancelFailed(ctx context.Context, err error, run string) error {
	if ctx.Err() != nil {
		return errors.Join(cli.ErrInterrupted, fmt.Errorf("run %s is cancelled, its report is not written yet: the same command writes it", run))
	}
	return cli.Misconfigured(err)
}
