package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// WhyCommand is ferry why.
func WhyCommand() *cobra.Command {
	var at string
	var asJSON bool
	c := &cobra.Command{
		Use:   "why RUN KEY",
		Short: "Tell the whole story of one object",
		Long: `Why tells all the ledger knows of one object: when it was listed and with which
hash, its batch, its tries, what became of it and how that was proved. KEY is the
object's key at the source. RUN is <job>/<time>, or <job> for its newest run.`,
		Example: "  ferry why photos-to-photos-new-1c5a0d 2019/01/IMG_0001.jpg",
		Args:    cli.Exactly("RUN", "KEY"),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := cli.FindRun(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			s, err := report.Why(c.Context(), run, args[1])
			if ledger.Missing(err) {
				return cli.Usage(fmt.Errorf("run %s has no object %s: %s", run.Name, words.Key(args[1]), fault.Sentence(err)))
			}
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(s)
			}
			return printStory(c.OutOrStdout(), s)
		},
	}
	cli.LedgerFlag(c, &at)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	return c
}

func printStory(w io.Writer, s report.Story) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n  to %s, in run %s\n", words.Key(s.Key), words.Key(s.TargetKey), s.Run)
	for _, step := range s.Steps {
		when := strings.Repeat(" ", len(show.Moment(s.Steps[0].At)))
		if !step.At.IsZero() {
			when = show.Moment(step.At)
		}
		fmt.Fprintf(&text, "\n%s  %-9s %s\n", when, step.Stage, step.Text)
		if step.Row != nil {
			tellRow(&text, *step.Row)
		}
		if step.File != "" {
			fmt.Fprintf(&text, "%32srecord %s\n", "", step.File)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func tellRow(text *strings.Builder, r ledger.Row) {
	line := func(format string, args ...any) { fmt.Fprintf(text, "%32s"+format+"\n", append([]any{""}, args...)...) }
	hash := r.Src.Hash
	if hash == "" {
		hash = "none listed"
	}
	line("source %s (%s bytes), hash %s, put %s", words.Size(r.Src.Size), humanize.Comma(r.Src.Size), hash, show.Moment(r.Src.Modified))
	if r.Dst != nil && r.State != ledger.Pending {
		line("target ETag %s, CRC64 %s", r.Dst.ETag, r.Dst.CRC64)
	}
	if r.Proof != "" {
		line("proved by %s", r.Proof)
	}
	if r.Reason != "" {
		line("%s", r.Reason)
	}
	for _, warning := range r.AllWarnings() {
		line("warning: %s", warning)
	}
}
