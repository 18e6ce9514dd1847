package steering

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/report"
)

// Seal is `ferry seal`.
func Seal() *cobra.Command {
	var o cli.RunFlags
	var grace time.Duration
	c := o.OnJob(&cobra.Command{
		Use:   "seal JOB",
		Short: "End a job for good: nothing is written for it any more",
		Long: fmt.Sprintf(`Seal ends a job for good, as after a cut-over, when the application writes to the
target and nothing of the old bucket may overwrite it. No run, timer or event
writes for the job after it: runs that are not over, those of its events too, are
cancelled and get their report, and a start is refused. There is no way back; a
job of another name can be started. Where a run was under way, or the job followed
events, seal returns %s later: everybody at work has noticed by then, and nothing
is written or removed for the job any more.

Sealing twice is no error. Interrupted, the same command ends what it began.`, words.Duration(limit.Notice)),
		Example: "  ferry seal photos",
	}, func(c *cobra.Command, led *ledger.Ledger, job string) error {
		since, ended, err := cli.Operate(led, c.ErrOrStderr()).Seal(c.Context(), job, grace)
		if err != nil {
			return cancelFailed(c.Context(), err, job)
		}
		s := sealed{Job: job, Since: since, Ended: []report.Summary{}}
		text := show.Sentence("steer.sealed", job, show.Moment(since))
		for _, rep := range ended {
			s.Ended = append(s.Ended, rep.Summary)
			text += "\n  " + show.Sentence("steer.ended", rep.Run, show.Result(rep.Result), show.Count("objects", rep.Objects.Open))
		}
		return o.Say(c.OutOrStdout(), s, text)
	})
	graceFlag(c, &grace)
	return c
}

// sealed is what `ferry seal --json` says.
type sealed struct {
	Job   string           `json:"job"`
	Since time.Time        `json:"since"`
	Ended []report.Summary `json:"ended"` // runs that were not over
}
