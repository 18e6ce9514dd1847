// Package status is the commands that only look at runs: status, runs and watch.
package status

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/overview"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/plan/forecast"
)

// Command is `ferry status`.
func Command() *cobra.Command {
	var at, queues string
	var asJSON, watch bool
	var most int
	c := &cobra.Command{
		Use:   "status [RUN]",
		Short: "Show how a run stands, or list all runs",
		Long: `Status reads from the ledger how a run stands, whoever is working on it: how far it
is, how fast, how long it takes yet and what that rests on, who works on it, what
failed and why, and what to do; of a deployment's run also what its queues hold, where
--queues or FERRY_QUEUES names them. RUN is <job>/<time> as ferry copy prints it, or
<job> for its newest run. Without it, status lists the runs there are, as ferry runs
does. ferry watch shows a run as it goes on. The name of a verification,
<run>/verifications/<time>, shows how far that is.`,
		Example: "  ferry status photos-to-photos-new-1c5a0d/20260101T120000Z --ledger 'oss://photos-new/.ferry/?region=cn-hangzhou'\n  ferry status",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !watch {
				return listRuns(c.Context(), at, "", most, asJSON, c.OutOrStdout(), c.ErrOrStderr())
			}
			if err := cli.Exactly("RUN")(c, args); err != nil {
				return err
			}
			run, err := cli.FindRun(c.Context(), at, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			if ledger.IsVerification(run.Name) {
				return verificationStatus(c.Context(), run, asJSON, c.OutOrStdout())
			}
			if watch {
				return watchRun(c.Context(), run, asJSON, c.OutOrStdout())
			}
			o, err := overview.NewViewer(run, viewing()).Overview(c.Context())
			if err != nil {
				return err
			}
			if !asJSON && o.State != overview.Over {
				return show.Overview(c.OutOrStdout(), o, held(c.Context(), run, queues)...)
			}
			return statusForm(asJSON)(c.OutOrStdout(), o)
		},
	}
	cli.LedgerFlag(c, &at)
	cli.QueuesFlag(c.Flags(), &queues)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	c.Flags().BoolVar(&watch, "watch", false, "look again until the run is over, as ferry watch does")
	c.Flags().IntVar(&most, "most", mostRuns, "without RUN: how many runs to list")
	return c
}

// depthTime is how long queues are asked how much they hold.
const depthTime = 5 * time.Second

// held is what the queues of a deployment hold that does a run; none where it is no
// deployment's, or nobody says which its queues are.
func held(ctx context.Context, run *ledger.Run, at string) (all []show.Queue) {
	if s, err := run.ReadStarted(ctx); err != nil || !s.Deployed || at == "" {
		return nil
	}
	cfg := app.Load(os.Getenv)
	cfg.QueuesAt = at
	ctx, cancel := context.WithTimeout(ctx, depthTime)
	defer cancel()
	depths, err := cfg.QueueDepths(ctx)
	if err != nil {
		return []show.Queue{{Name: at, Unknown: fault.Sentence(err)}}
	}
	for _, d := range depths {
		q := show.Queue{Name: d.Name, Ready: d.Depth.Ready, InFlight: d.Depth.InFlight, Delayed: d.Depth.Delayed}
		switch {
		case d.Err != nil:
			q.Unknown = fault.Sentence(d.Err)
		case d.Depth.Unknown:
			q.Unknown = show.Sentence("queue.untold")
		}
		all = append(all, q)
	}
	return all
}

// viewing are the options of a viewer: with the prices that are built in.
func viewing() overview.Options {
	prices, err := forecast.ReadPrices("")
	if err != nil { // the file that is built in is held to be right by a test
		return overview.Options{}
	}
	return overview.Options{Prices: &prices}
}

// statusForm writes how a run stands for a person, or as a line of JSON.
func statusForm(asJSON bool) func(io.Writer, overview.Overview) error {
	if asJSON {
		return func(w io.Writer, o overview.Overview) error {
			return json.NewEncoder(w).Encode(statusLine{o, o.Standing, o.Counts.Listed, o.Counts.ToCopy, o.Counts.Open, o.Counts.Verified})
		}
	}
	return func(w io.Writer, o overview.Overview) error { return show.Overview(w, o) }
}

// statusLine is an Overview with the names that a status had before there was one.
type statusLine struct {
	overview.Overview
	Goes     ledger.Standing `json:"goes"`
	Listed   ledger.Tally    `json:"listed"`
	ToCopy   ledger.Tally    `json:"to_copy"`
	Open     ledger.Tally    `json:"open"`
	Verified ledger.Tally    `json:"verified"`
}

// verificationStatus prints how far a verification is: its report where it has ended.
func verificationStatus(ctx context.Context, run *ledger.Run, asJSON bool, out io.Writer) error {
	rep, err := reproof.ReadReport(ctx, run)
	switch {
	case err == nil && asJSON:
		return json.NewEncoder(out).Encode(rep)
	case err == nil:
		return show.Verification(out, rep)
	case !ledger.Missing(err):
		return err
	}
	w, err := progress.WalkReproof(ctx, run)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"verification": run.Name, "done": w.Done, "open": len(w.Open), "counts": w.Counts})
	}
	return show.Print(out, show.Sentence("again.stands", run.Name, w.Done, w.Done+len(w.Open), show.Count("objects", w.Counts.Sampled.Objects)))
}
