package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// Exactly is cobra.ExactArgs with an error that says what is wanted.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		want := strings.Join(names, " and ")
		if want == "" {
			want = "no arguments"
		}
		return Usage(fmt.Errorf("%s takes %s, not %s: see %s --help", c.CommandPath(), want, words.Count(int64(len(args)), "argument", "arguments"), c.CommandPath()))
	}
}

// Some accepts one argument or more.
func Some(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return Exactly(what)(c, args)
		}
		return nil
	}
}

// Named returns an error of usage for what cannot be the name of a job.
func Named(name string) error { return Misconfigured(control.RequireJobName(name)) }

// Known returns an error of usage for a job that is neither kept in led nor has a run there.
func Known(ctx context.Context, led *ledger.Ledger, at job.Location, name string) error {
	return Diagnosed(ctx, at, control.RequireJob(ctx, led, at, name))
}
