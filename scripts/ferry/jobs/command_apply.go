package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/limit"
	"kodoferry/shared/registry"
)

// applyOptions are the flags of `ferry jobs apply`.
type applyOptions struct {
	cli.RunFlags
	file  string
	grace time.Duration
}

func applyCommand() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "apply [NAME…]",
		Short: "Keep the jobs of a file in the ledger",
		Long: fmt.Sprintf(`Apply takes the jobs of a file, or those of the given names, into the ledger, and
says what that changes. Runs under way keep the job they began with. All mistakes
are named at once, each with its line, and then nothing is kept: also where two
jobs write to one place, in the file or in the ledger. Jobs that the file does
not have stay as they are. A list of keys (keyList) is taken along. A kept job
that cannot be read is replaced; one that a newer version kept is not.

What a job takes back holds for what is under way, too: without delete: nothing is
removed from the target any more, and events are followed no further than the job
says now. Where something could be at work, apply returns once that has ended, %s
later.`, words.Duration(limit.Notice)),
		Example: "  ferry jobs apply\n  ferry jobs apply photos videos --file jobs/ferry.yaml",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			return o.apply(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.Add(c)
	settleFlag(c, &o.grace)
	c.Flags().StringVar(&o.file, "file", DefaultFile, "the file that has the jobs; infra/ferry.example.yaml shows all that can stand in one")
	return c
}

func (o *applyOptions) apply(ctx context.Context, names []string, out, told io.Writer) error {
	led, at, err := cli.OpenLedger(o.Ledger)
	if err != nil {
		return err
	}
	file := File{Path: o.file, Ledger: at}
	changes, err := file.Read(names)
	if err != nil {
		return cli.Usage(err)
	}
	keeping := registry.File(file)
	if err := keeping.Compare(ctx, led, changes); err != nil {
		return cli.Misconfigured(err)
	}
	op := cli.Operate(led, told)
	kept, wait, err := keeping.Keep(ctx, op, changes)
	if err != nil {
		return cli.Misconfigured(err)
	}
	for _, c := range changes {
		if c.Change == "same" {
			since, err := op.Lessened(ctx, c.Job)
			if err != nil {
				return cli.Misconfigured(err)
			}
			wait = wait || !since.IsZero()
			if since.After(kept) {
				kept = since
			}
		}
	}
	if wait {
		if err := op.Settle(ctx, kept, o.grace); err != nil {
			return unsettled(ctx, err)
		}
	}
	if o.JSON {
		return json.NewEncoder(out).Encode(changes)
	}
	for _, c := range changes {
		text := show.Padded("jobs.change."+c.Change, changed) + c.Job
		for _, change := range c.Changes {
			text += "\n" + strings.Repeat(" ", changed) + show.Translated(change)
		}
		if err := show.Print(out, text); err != nil {
			return err
		}
	}
	return nil
}

// changed is how wide the word is that says what became of a job.
const changed = 9
