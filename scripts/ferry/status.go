package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
)

func statusCommand() *cobra.Command {
	var at string
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how far a run is",
		Long: `Status reads from the ledger how far a run is, whoever is working on it. RUN is
<job>/<time> as ferry copy prints it, or <job> for its newest run. With --watch
it goes on until the run is over; it only looks, so Ctrl-C stops nothing else.`,
		Example: "  ferry status photos-to-photos-new-1c5a0d/20260101T120000Z --ledger 'oss://photos-new/.ferry/?region=cn-hangzhou'",
		Args:    exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := findRun(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			form := show.Status
			if asJSON {
				form = func(w io.Writer, s control.Status) error { return json.NewEncoder(w).Encode(s) }
			}
			s, err := control.StatusOf(c.Context(), run)
			if err != nil {
				return err
			}
			if watch {
				return watchRun(c.Context(), run, s, c.OutOrStdout(), form)
			}
			return form(c.OutOrStdout(), s)
		},
	}
	ledgerFlag(c, &at)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	c.Flags().BoolVar(&watch, "watch", false, "look again until the run is over")
	return c
}

// watchEvery is how often a status is read: each costs a listing of the run's records.
const watchEvery = 2 * time.Second

// watchRun prints the status of a run whenever it has changed, until the run is over: on a
// terminal in place of the one before, elsewhere below it.
func watchRun(ctx context.Context, run *ledger.Run, s control.Status, out io.Writer, form func(io.Writer, control.Status) error) error {
	file, _ := out.(*os.File)
	redraw := file != nil && show.IsTerminal(file)
	var last control.Status
	for lines := 0; ; {
		if s != last {
			var picture strings.Builder
			if redraw && lines > 0 {
				fmt.Fprintf(&picture, "\x1b[%dA\x1b[J", lines)
			}
			before := strings.Count(picture.String(), "\n")
			if err := form(&picture, s); err != nil {
				return err
			}
			lines, last = strings.Count(picture.String(), "\n")-before, s
			if _, err := io.WriteString(out, picture.String()); err != nil {
				return err
			}
		}
		if s.State == control.StateOver {
			return nil
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return errInterrupted
		}
		var err error
		if s, err = control.StatusOf(ctx, run); ctx.Err() != nil {
			return errInterrupted
		} else if err != nil {
			return err
		}
	}
}
