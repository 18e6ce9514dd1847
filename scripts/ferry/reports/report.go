// Package reports tells what a run came to: report.go is ferry report, of all of it;
// why.go is ferry why, of one object.
package reports

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
)

// Command is ferry report.
func Command() *cobra.Command {
	var at, dir, csv string
	var asJSON bool
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Show what a run came to, and keep its proof",
		Long: `Report prints what a run came to: the books, the proofs, and what needs a person,
grouped by cause with its cure. With --out it also writes the files to keep:
report.html, report.json, manifest.json, the CSV files with a row for every object,
and failed.csv and present.csv with the first 50,000 of what failed, conflicts or
differs, and of what was in the target before and is unproved. RUN is <job>/<time>,
or <job> for its newest run. scripts/check-report.py checks what --out wrote, with
nothing but Python. What ferry verify found later is named below; a verification's own
name, <run>/verifications/<time>, shows it.

The CSV files hold every byte as it is, which is what manifest.json vouches for. A
spreadsheet takes cells that begin with = + - or @ for formulas: with --csv safe,
a copy of each is written beside it, not packed, in which these cells begin with an
apostrophe. The copies are for looking at, not for a proof.

It ends with 3 where the run is not verified: something failed, conflicts or
differs, there was nothing to copy, or the source has what it did not list.`,
		Example: "  ferry report photos-to-photos-new-1c5a0d --out ./proof",
		Args:    cli.Exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if csv != "" && (csv != "safe" || dir == "") {
				return cli.Usage(fmt.Errorf("--csv is %q: want safe, together with --out", csv))
			}
			run, err := cli.FindRun(c.Context(), at, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			over, err := run.Over(c.Context())
			if err != nil {
				return err
			}
			if !over {
				return fmt.Errorf("run %s is not over yet: ferry status %s tells how far it is", run.Name, run.Name)
			}
			if ledger.IsVerification(run.Name) {
				return showVerification(c.Context(), run, asJSON, dir, c.OutOrStdout())
			}
			return showReport(c.Context(), run, asJSON, dir, csv != "", c.OutOrStdout())
		},
	}
	cli.LedgerFlag(c, &at)
	c.Flags().BoolVar(&asJSON, "json", false, "print report.json")
	c.Flags().StringVar(&dir, "out", "", "directory to write the report and its files to")
	c.Flags().StringVar(&csv, "csv", "", "`safe`: with --out, also write the CSV files as a spreadsheet may open them")
	return c
}

func showReport(ctx context.Context, run *ledger.Run, asJSON bool, dir string, safe bool, out io.Writer) error {
	rep, err := report.Read(ctx, run)
	if err != nil {
		return err
	}
	if asJSON {
		raw, err := run.Results().ReadReport(ctx)
		if err != nil {
			return err
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
	} else if err := printReport(out, rep); err != nil {
		return err
	} else if err := printVerifications(ctx, run, out); err != nil {
		return err
	}
	if dir != "" {
		var each func(name string, data []byte, write func(string, []byte) error) error
		if safe {
			each = writeSafe
		}
		if err := outcome.Save(ctx, run, dir, each); err != nil {
			return err
		}
	}
	if rep.Result != report.Verified {
		return cli.ErrIncomplete
	}
	return nil
}

// writeSafe writes a copy of a file of rows that a spreadsheet may open.
func writeSafe(name string, packed []byte, write func(name string, data []byte) error) error {
	base, is := strings.CutSuffix(name, ".csv.gz")
	if !is {
		return nil
	}
	var plain bytes.Buffer
	if err := table.Safe(&plain, packed, name); err != nil {
		return err
	}
	return write(base+".safe.csv", plain.Bytes())
}

// printReport prints the whole report for a person.
func printReport(w io.Writer, rep report.Report) error {
	if err := show.Print(w, rep.Run+"\n"+cutWay(rep.Source)+" -> "+cutWay(rep.Target)+"\n\n"); err != nil {
		return err
	}
	if err := show.Summary(w, rep); err != nil {
		return err
	}
	var text strings.Builder
	for _, g := range report.Causes(rep.Failures) {
		fmt.Fprintf(&text, "\n%s\n  %s\n", show.Sentence("report.group", humanize.Comma(g.Count()), show.State(ledger.State(g.State)), show.Translated(g.Cause)), show.Translated(g.Cure))
		for _, k := range g.First() {
			note := ""
			if k.Note != "" {
				note = "  " + show.Translated(k.Note)
			}
			fmt.Fprintf(&text, "    %s%s\n", strconv.Quote(k.Key), note)
		}
		if rest := len(g.Rest()); rest > 0 {
			text.WriteString("    " + show.Sentence("and_more", humanize.Comma(int64(rest))) + "\n")
		}
	}
	for i, u := range rep.Unknown {
		if i > 0 { // the summary has the first
			fmt.Fprintf(&text, "\n%s\n", show.Unknown(u))
		}
	}
	if text.Len() == 0 {
		return nil
	}
	return show.Print(w, text.String())
}

func cutWay(location string) string {
	place, _, _ := strings.Cut(location, "?")
	return place
}
