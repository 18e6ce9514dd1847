package status

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// mostRuns is how many runs are listed unless one says otherwise.
const mostRuns = 20

// Runs is `ferry runs`.
func Runs() *cobra.Command {
	var at string
	var asJSON bool
	var most int
	c := &cobra.Command{
		Use:   "runs [JOB]",
		Short: "List runs, the newest first, with what to do about each",
		Long: `Runs lists the runs of a job, or of all jobs that the ledger has, the newest first:
how each stands or what it came to, and what to do.`,
		Example: "  ferry runs\n  ferry runs photos --most 100 --json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			job := ""
			if len(args) > 0 {
				if err := cli.Exactly("JOB")(c, args); err != nil {
					return err
				}
				job = args[0]
			}
			return listRuns(c.Context(), at, job, most, asJSON, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	cli.LedgerFlag(c, &at)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON for each run")
	c.Flags().IntVar(&most, "most", mostRuns, "how many runs to list")
	return c
}

// listRuns prints the runs of a job, or of all where that is "".
func listRuns(ctx context.Context, at, job string, most int, asJSON bool, out, errOut io.Writer) error {
	led, place, err := cli.OpenLedger(at)
	if err != nil {
		return err
	}
	waited := show.Waiting(errOut, show.ForLedger)
	all, err := runsOf(ctx, led, place, job, most)
	waited()
	if err != nil {
		return err
	}
	if asJSON {
		lines := json.NewEncoder(out)
		for _, e := range all {
			if err := lines.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		return show.Print(out, show.Sentence("runs.none", place.Place()))
	}
	return show.Runs(out, all)
}

// runsOf are the newest runs of a job, or of all where that is "".
func runsOf(ctx context.Context, led *ledger.Ledger, at job.Location, name string, most int) ([]overview.Entry, error) {
	if name != "" {
		if err := cli.Known(ctx, led, at, name); err != nil {
			return nil, err
		}
	}
	all, err := overview.NewViewers(led, overview.Options{}).List(ctx, name, max(1, most))
	return all, cli.Diagnosed(ctx, at, err)
}
