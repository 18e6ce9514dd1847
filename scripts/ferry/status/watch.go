package status

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/metrics"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// Watch is `ferry watch`.
func Watch() *cobra.Command {
	var at string
	var listen string
	var asJSON bool
	c := &cobra.Command{
		Use:   "watch RUN",
		Short: "Show a run as it goes on, until it is over",
		Long: `Watch shows how a run stands, with curves of objects and bytes over its time, its
books, its key space, and what failed by cause, redrawn in place until the run is
over. It only looks: Ctrl-C stops nothing else. Where its output is no terminal it
prints a line whenever something has changed: every 2 seconds for a minute, then
every minute. With --listen it serves the same figures to Prometheus meanwhile.

RUN is <job>/<time>, or <job> for its newest run.`,
		Example: "  ferry watch photos\n  ferry watch photos --json | jq .rate",
		Args:    cli.Exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := cli.FindRun(c.Context(), at, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			if ledger.IsVerification(run.Name) {
				return verificationStatus(c.Context(), run, asJSON, c.OutOrStdout())
			}
			view := overview.NewViewer(run, viewing())
			if listen != "" {
				s, err := metrics.ServeRun(listen, view.Overview)
				if err != nil {
					return cli.Usage(err)
				}
				defer func() { _ = s.Close() }()
			}
			return watchView(c.Context(), view, asJSON, c.OutOrStdout())
		},
	}
	cli.LedgerFlag(c, &at)
	c.Flags().StringVar(&listen, "listen", "", "serve the run's figures at /metrics of this address, as 127.0.0.1:9465, until it is over")
	c.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON whenever something has changed")
	return c
}

const (
	// watchEvery is how often a run is looked at, and watchLater how often where the output is
	// no terminal, once watchSoon has passed.
	watchEvery = 2 * time.Second
	watchSoon  = time.Minute
	watchLater = time.Minute
)

// watchRun shows how a run stands until it is over: on a terminal in place, elsewhere a line
// whenever something has changed, and at the end all that status tells.
func watchRun(ctx context.Context, run *ledger.Run, asJSON bool, out io.Writer) error {
	return watchView(ctx, overview.NewViewer(run, viewing()), asJSON, out)
}

func watchView(ctx context.Context, view *overview.Viewer, asJSON bool, out io.Writer) error {
	screen, redraw := show.NewScreen(out)
	redraw = redraw && !asJSON
	last := ""
	for began := time.Now(); ; {
		o, err := view.Overview(ctx)
		switch {
		case ctx.Err() != nil:
			return cli.ErrInterrupted
		case err != nil:
			return err
		case redraw && o.State == overview.Over:
			screen.Clear()
			return show.Overview(out, o)
		case redraw:
			screen.Draw(show.Lines(o, screen.Style(), true))
		default:
			if last, err = printChanged(out, o, last, asJSON); err != nil {
				return err
			}
		}
		if o.State == overview.Over {
			return nil
		}
		wait := watchEvery
		if !redraw && time.Since(began) > watchSoon {
			wait = watchLater
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			if redraw {
				screen.Wipe()
			}
			return cli.ErrInterrupted
		}
	}
}

// printChanged prints how a run stands where that is not what was printed last, and returns it.
func printChanged(out io.Writer, o overview.Overview, last string, asJSON bool) (now string, err error) {
	switch {
	case asJSON:
		same := o
		same.At, same.Requests, same.Newest, same.Work = time.Time{}, 0, time.Time{}, overview.Work{}
		key, err := json.Marshal(same)
		if err != nil || string(key) == last {
			return last, err
		}
		return string(key), statusForm(true)(out, o)
	case o.State == overview.Over:
		return "", show.Overview(out, o)
	}
	line := show.OverviewLine(o)
	_, what, _ := strings.Cut(line, "  ") // behind the time
	if what == last {
		return last, nil
	}
	_, err = io.WriteString(out, line+"\n")
	return what, err
}
