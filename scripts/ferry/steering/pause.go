// Package steering is the commands that say whether a run goes on, and how fast: pause,
// resume, cancel, seal, limits, and clean, which removes what it left behind.
package steering

import (
	"fmt"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/limit"
)

// Pause is `ferry pause`.
func Pause() *cobra.Command {
	var o cli.RunFlags
	return o.OnRun(&cobra.Command{
		Use:   "pause {JOB | RUN}",
		Short: "Stop the work on a run until it is resumed",
		Long: fmt.Sprintf(`Pause lets everybody at work on a run, here or in functions, stop within %s.
What is in flight is cut short and copied again later; what was done is written
down. Tasks that come out of the queues meanwhile are dropped: ferry resume finds
from the ledger what is open. A timer does not begin a run beside a paused one,
unless its job says overlap: allow.

Of a run of events, <job>/<day>-events, the whole UTC day is paused: pause returns
once nothing of it goes on, what is notified of meanwhile waits, and ferry resume
has it looked at, as the source is by then. The next day is a run of its own.

RUN is <job>/<time>; a JOB stands for its newest run. Pausing twice is no error.`, words.Duration(limit.Notice)),
		Example: "  ferry pause photos\n  ferry resume photos\n  ferry pause photos/20260131-events",
	}, func(c *cobra.Command, run *ledger.Run, op *control.Operator) error {
		if err := op.Pause(c.Context(), run); err != nil {
			return cli.Misconfigured(err)
		}
		if eventnames.IsRun(run.Name) {
			return o.Say(c.OutOrStdout(), cli.Steered{Run: run.Name, Standing: ledger.Paused},
				show.Sentence("steer.paused_day", run.Name)+"\n"+show.Next("ferry resume "+run.Name))
		}
		return o.Say(c.OutOrStdout(), cli.Steered{Run: run.Name, Standing: ledger.Paused},
			show.Sentence("steer.paused", run.Name, show.Span(limit.Notice))+"\n"+show.Next("ferry resume "+run.Name))
	})
}
