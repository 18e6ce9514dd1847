package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/shared/app"
	"kodoferry/shared/pipeline"
)

func sealCommand() *cobra.Command {
	var o runFlags
	var grace time.Duration
	c := &cobra.Command{
		Use:   "seal JOB",
		Short: "End a job for good: nothing is written for it any more",
		Long: fmt.Sprintf(`Seal ends a job for good, as after a cut-over, when the application writes to the
target and nothing of the old bucket may overwrite it. No run, timer or event
writes for the job after it: runs that are not over are cancelled and get their
report, and a start is refused. There is no way back; a job of another name can
be started. When seal returns, everybody at work has had %s to notice.

Sealing twice is no error. Interrupted, the same command ends what it began.`, lasted(pipeline.Notice)),
		Example: "  ferry seal photos",
		Args:    exactly("JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			led, at, err := openLedger(o.ledger)
			if err != nil {
				return err
			}
			if err := known(c.Context(), led, at, args[0]); err != nil {
				return err
			}
			op := app.Load(os.Getenv).Operate(led, slog.New(slog.DiscardHandler))
			since, ended, err := op.Seal(c.Context(), args[0], grace)
			if err != nil {
				return cancelFailed(c.Context(), err, args[0])
			}
			s := sealed{Job: args[0], Since: since, Ended: []pipeline.Summary{}}
			text := fmt.Sprintf("job %s is ended for good since %s", args[0], since.Local().Format(time.DateTime))
			for _, rep := range ended {
				s.Ended = append(s.Ended, rep.Summary)
				text += fmt.Sprintf("\n  run %s: %s, %s open", rep.Run, rep.Result, numbers(rep.Objects.Open, "object", "objects"))
			}
			return o.say(c.OutOrStdout(), s, "%s", text)
		},
	}
	o.add(c)
	graceFlag(c, &grace)
	return c
}

// sealed is what `ferry seal --json` says.
type sealed struct {
	Job   string             `json:"job"`
	Since time.Time          `json:"since"`
	Ended []pipeline.Summary `json:"ended"` // runs that were not over
}
