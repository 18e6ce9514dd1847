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
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/registry"
	"kodoferry/shared/report"
)

func listCommand() *cobra.Command {
	var o cli.RunFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the jobs that the ledger keeps, with their newest runs",
		Example: "  ferry jobs list",
		Args:    cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			led, _, err := cli.OpenLedger(o.Ledger)
			if err != nil {
				return err
			}
			return listJobs(c.Context(), led, o.JSON, c.OutOrStdout())
		},
	}
	o.Add(c)
	return c
}

func listJobs(ctx context.Context, led *ledger.Ledger, asJSON bool, out io.Writer) error {
	names, err := kept.ListJobs(ctx, led.Folder())
	if err != nil {
		return cli.Misconfigured(err)
	}
	all := make([]registry.Kept, len(names))
	for i, name := range names {
		if all[i], err = registry.Look(ctx, led, name); err != nil {
			return cli.Misconfigured(err)
		}
	}
	for i := range all {
		all[i].Text, all[i].Skips = nil, nil
	}
	if asJSON {
		return json.NewEncoder(out).Encode(all)
	}
	var text strings.Builder
	if len(all) == 0 {
		text.WriteString(show.Sentence("jobs.none") + "\n")
	}
	for _, k := range all {
		fmt.Fprintf(&text, "%s\n", words.Key(k.Job))
		if k.Source != "" {
			fmt.Fprintf(&text, "  %s -> %s\n", k.Source, k.Target)
		}
		fmt.Fprintf(&text, "  %s\n", stateOf(k))
		if k.Problem != "" {
			fmt.Fprintf(&text, "  ! %s\n", show.Translated(k.Problem))
		}
	}
	return show.Print(out, text.String())
}

func showCommand() *cobra.Command {
	var o cli.RunFlags
	return o.OnJob(&cobra.Command{
		Use:     "show JOB",
		Short:   "Show a job, its newest runs, and what its timers skipped",
		Example: "  ferry jobs show photos",
	}, func(c *cobra.Command, led *ledger.Ledger, job string) error {
		return showJob(c.Context(), led, job, o.JSON, c.OutOrStdout())
	})
}

// shownRuns is how many of a job's runs are shown: the newest.
const shownRuns = 10

func showJob(ctx context.Context, led *ledger.Ledger, name string, asJSON bool, out io.Writer) error {
	k, err := registry.Look(ctx, led, name)
	if err != nil {
		return cli.Misconfigured(err)
	}
	if err := k.ReadRuns(ctx, led, time.Now(), shownRuns); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(out).Encode(k)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", show.Sentence("jobs.state", k.Job, stateOf(k)))
	if k.Problem != "" {
		fmt.Fprintf(&text, "  ! %s\n", show.Translated(k.Problem))
	}
	if len(k.Text) > 0 {
		fmt.Fprintf(&text, "%s\n", k.Text)
	}
	for _, r := range k.Runs {
		fmt.Fprintf(&text, "  %s\n", show.Sentence("jobs.run", r.Run, show.Result(report.Result(r.Text()))))
	}
	for _, s := range k.Skips {
		fmt.Fprintf(&text, "  %s\n", show.Sentence("jobs.skipped", s.At.UTC().Format(time.RFC3339), show.Translated(s.Why)))
	}
	return show.Print(out, text.String())
}

// stateOf is in a line how a kept job goes.
func stateOf(k registry.Kept) string {
	parts := strings.Split(k.State(), "; ")
	for i, part := range parts {
		parts[i] = show.Translated(part)
	}
	return strings.Join(parts, show.Sentence("semicolon"))
}
