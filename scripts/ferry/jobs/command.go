package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/limit"
)

// Command is ferry jobs.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Keep jobs in a deployment's ledger, where timers and events find them by name",
		Long: `Jobs are kept in the ledger under their names. There a timer finds the job that
its payload names, and ferry start the one that no file has. They are written in
a file, ferry.yaml by default, and taken over by ferry jobs apply.`,
		Example: "  ferry jobs apply\n  ferry jobs list\n  ferry jobs show photos\n  ferry jobs remove photos",
		Args:    cli.Below,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(applyCommand(), listCommand(), showCommand(), removeCommand())
	return c
}

func removeCommand() *cobra.Command {
	var o cli.RunFlags
	var grace time.Duration
	c := &cobra.Command{
		Use:   "remove JOB…",
		Short: "Keep jobs no more; their runs stay, and go on",
		Long: fmt.Sprintf(`Remove takes jobs out of the ledger: no timer and no event begins anything for
them any more. Runs stay as they are, with their reports; one that is under way
goes on, but removes nothing from the target any more. Where something could be at
work for its events, or removing, remove returns once that has ended, %s
later. Removing a job that is not kept is no error; one that cannot be read is
removed as any other.`, words.Duration(limit.Notice)),
		Example: "  ferry jobs remove photos",
		Args:    cli.Some("JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			led, _, err := cli.OpenLedger(o.Ledger)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := cli.Named(name); err != nil {
					return err
				}
			}
			op, begun, wait := cli.Operate(led, c.ErrOrStderr()), time.Now(), false
			for _, name := range args {
				withdrawn, err := op.Drop(c.Context(), name)
				if err != nil {
					return cli.Misconfigured(err)
				}
				wait, begun = wait || withdrawn, time.Now()
			}
			if wait {
				if err := op.Settle(c.Context(), begun, grace); err != nil {
					return unsettled(c.Context(), err)
				}
			}
			return o.Say(c.OutOrStdout(), map[string][]string{"removed": args}, show.Sentence("jobs.removed", strings.Join(args, ", ")))
		},
	}
	o.Add(c)
	settleFlag(c, &grace)
	return c
}

// unsettled returns the error of a wait that failed or was interrupted: the jobs are
// changed all the same.
func unsettled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(cli.ErrInterrupted, fmt.Errorf("it is taken back all the same; what is at work ends within %s", words.Duration(limit.Notice)))
	}
	return cli.Misconfigured(err)
}

// settleFlag adds --wait to a command that takes something back of jobs.
func settleFlag(c *cobra.Command, to *time.Duration) {
	c.Flags().DurationVar(to, "wait", limit.Notice, "how long those at work are given to notice what is taken back of jobs")
}
