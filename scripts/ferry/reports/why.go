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
			run, err := cli.FindRun(c.Context(), at, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			s, err := report.Why(c.Context(), run, args[1])
			if ledger.Missing(err) {
				return cli.Usage(fmt.Errorf("run %s has no object %q: %s", run.Name, args[1], fault.Sentence(err)))
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
	fmt.Fprintf(&text, "%s\n  %s\n", words.Key(s.Key), show.Sentence("why.to", words.Key(s.TargetKey), s.Run))
	for _, step := range s.Steps {
		when := strings.Repeat(" ", len(show.Moment(s.Steps[0].At)))
		if !step.At.IsZero() {
			when = show.Moment(step.At)
		}
		head := when + "  " + show.Padded("why.stage."+step.Stage, staged)
		text.WriteString("\n" + show.Folded(w, head, show.Translated(step.Text)) + "\n")
		line := func(of string) {
			text.WriteString(show.Folded(w, strings.Repeat(" ", len(when)+2+staged), of) + "\n")
		}
		if step.Row != nil {
			tellRow(line, *step.Row)
		}
		if step.File != "" {
			line(show.Sentence("why.record", step.File))
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// staged is how wide the word for a step is.
const staged = 10

func tellRow(line func(string), r ledger.Row) {
	hash := r.Src.Hash
	if hash == "" {
		hash = show.Sentence("why.no_hash")
	}
	line(show.Sentence("why.source", words.Size(r.Src.Size), humanize.Comma(r.Src.Size), hash, show.Moment(r.Src.Modified)))
	if r.Dst != nil && r.State != ledger.Pending {
		line(show.Sentence("why.target", r.Dst.ETag, r.Dst.CRC64))
	}
	if r.Proof != "" {
		line(show.Sentence("why.proof", r.Proof))
	}
	if r.Reason != "" {
		line(show.Translated(r.Reason))
	}
	for _, warning := range r.AllWarnings() {
		line(show.Sentence("why.warning", show.Translated(warning)))
	}
}
