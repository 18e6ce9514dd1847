package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
)

func jobsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Keep jobs in a deployment's ledger, where timers and events find them by name",
		Long: `Jobs are kept in the ledger under their names. There a timer finds the job that
its payload names, and ferry start the one that no file has. They are written in
a file, ferry.yaml by default, and taken over by ferry jobs apply.`,
		Example: "  ferry jobs apply\n  ferry jobs list\n  ferry jobs show photos\n  ferry jobs remove photos",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(jobsApplyCommand(), jobsListCommand(), jobsShowCommand(), jobsRemoveCommand())
	return c
}

func jobsRemoveCommand() *cobra.Command {
	var o runFlags
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
		Args:    some("JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			led, _, err := openLedger(o.ledger)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := named(name); err != nil {
					return err
				}
			}
			op, begun, wait := operate(led, c.ErrOrStderr()), time.Now(), false
			for _, name := range args {
				withdrawn, err := op.Drop(c.Context(), name)
				if err != nil {
					return misconfigured(err)
				}
				wait, begun = wait || withdrawn, time.Now()
			}
			if wait {
				if err := op.Settle(c.Context(), begun, grace); err != nil {
					return unsettled(c.Context(), err)
				}
			}
			return o.say(c.OutOrStdout(), map[string][]string{"removed": args}, "not kept any more: %s", strings.Join(args, ", "))
		},
	}
	o.add(c)
	settleFlag(c, &grace)
	return c
}

// unsettled returns the error of a wait that failed or was interrupted: the jobs are
// changed all the same.
func unsettled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(errInterrupted, fmt.Errorf("it is taken back all the same; what is at work ends within %s", words.Duration(limit.Notice)))
	}
	return misconfigured(err)
}

// some accepts one argument or more.
func some(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return exactly(what)(c, args)
		}
		return nil
	}
}

// named returns a usageError for what cannot be the name of a job.
func named(name string) error {
	if strings.ContainsAny(name, "/:") || name == "" {
		return usageError{fmt.Errorf("%q is no name of a job: ferry jobs list shows those that are kept", name)}
	}
	return nil
}

// known returns a usageError for a job that is neither kept in led nor has a run there.
func known(ctx context.Context, led *ledger.Ledger, at job.Location, name string) error {
	if err := named(name); err != nil {
		return err
	}
	jobs, err := led.Jobs(ctx)
	if err != nil {
		return misconfigured(err)
	}
	ran, err := led.Ran(ctx)
	if err != nil {
		return misconfigured(err)
	}
	all := slices.Compact(slices.Sorted(slices.Values(append(jobs, ran...))))
	if slices.Contains(all, name) {
		return nil
	}
	if len(all) == 0 {
		return usageError{fmt.Errorf("there is no job %q in %s: it has none", name, at.Place())}
	}
	return usageError{fmt.Errorf("there is no job %q in %s: it has %s", name, at.Place(), strings.Join(all, ", "))}
}
