package steering

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/remains"
)

// Clean is `ferry clean`.
func Clean() *cobra.Command {
	var o cli.RunFlags
	var force bool
	c := o.OnRun(&cobra.Command{
		Use:   "clean {JOB | RUN}",
		Short: "Remove what a run left behind, and say what still costs money",
		Long: `Clean removes what a run that is over left behind: uploads in parts that the
ledger knows and that were never completed, marks, signs of life, rows that no
record names, and the packed rows that the next run reads, once a later run has
all of them. Then it counts what stays and is billed: the run's part of the
ledger, which is its proof. Objects in the target are never touched.

A run that was cancelled is cleaned before its report is written with --force.
RUN is <job>/<time>; a JOB stands for its newest run.`,
		Example: "  ferry clean photos\n  ferry clean photos/20260101T120000Z --json",
	}, func(c *cobra.Command, run *ledger.Run, op *control.Operator) error {
		done, err := op.Clean(c.Context(), run.Name, force)
		if err != nil && len(done.Stays) == 0 {
			return cli.Misconfigured(err)
		}
		if o.JSON {
			return errors.Join(o.Say(c.OutOrStdout(), done, ""), cli.Misconfigured(err))
		}
		return errors.Join(printCleaned(c.OutOrStdout(), run, done), cli.Misconfigured(err))
	})
	c.Flags().BoolVar(&force, "force", false, "also a run that was cancelled and whose report is not written yet")
	return c
}

func printCleaned(w io.Writer, run *ledger.Run, c remains.Cleaned) error {
	var text strings.Builder
	line := func(label, of string) {
		text.WriteString("  " + show.Padded("clean."+label, labelled) + of + "\n")
	}
	text.WriteString(show.Sentence("clean.done", c.Run) + "\n")
	line("aborted", show.Sentence("clean.uploads", show.Count("uploads", c.Uploads), show.Count("parts", c.Parts.Objects), words.Size(c.Parts.Bytes)))
	line("removed", show.Sentence("clean.files", show.Count("files", c.Removed.Objects), words.Size(c.Removed.Bytes)))
	switch {
	case c.Later != "":
		line("rows", show.Sentence("clean.later", c.Later))
	case c.Believe.Objects > 0:
		line("rows", show.Sentence("clean.believed", show.Count("files", c.Believe.Objects), words.Size(c.Believe.Bytes)))
	}
	line("stays", show.Sentence("clean.billed", show.Count("files", c.Total.Objects), words.Size(c.Total.Bytes), run.Path("")))
	for _, f := range c.Stays {
		fmt.Fprintf(&text, "    %-14s %10s  %s\n", f.Name, humanize.Comma(f.Objects), words.Size(f.Bytes))
	}
	return show.Print(w, text.String())
}

// labelled is how wide the labels of printCleaned are.
const labelled = 9
