package reports

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/report"
	"kodoferry/shared/report/release"
)

// exportOptions are the flags of `ferry export`.
type exportOptions struct {
	ledger                 string
	releasable, null, json bool
}

// ExportCommand is ferry export.
func ExportCommand() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export RUN --releasable",
		Short: "Print the keys that may be deleted at the source after a run",
		Long: `Export prints the keys of the objects that a run verified and that nothing has
changed since: it lists both sides once more and holds each object against the run's
rows. The source must list the hash that was verified, or where it has none, the
size and the time; the target must list the ETag and the size. An object that only
the target's metadata tie to the source is left out. What Ferry moved may be
deleted at the source by these keys, within 24 hours: later, export them again.
Ferry itself never deletes at the source.

Keys are printed one a line, in order; a key that holds a line break is left out
unless --null or --json is given, and with --null one that holds a NUL byte. What is left out is counted by its reason on
standard error. RUN is <job>/<time>, or <job> for its newest run; it must be over
and verified, and not a day of events, whose objects the next whole run verifies.`,
		Example: `  ferry export photos --releasable > keys.txt
  ferry export photos --releasable --null | xargs -0 -n 1 echo`,
		Args: cli.Exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if !o.releasable {
				return cli.Usage(errors.New("say what to export: --releasable, the keys that may be deleted at the source"))
			}
			if o.null && o.json {
				return cli.Usage(errors.New("--null and --json are two forms: give one of them"))
			}
			return o.export(c.Context(), args[0], c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	cli.LedgerFlag(c, &o.ledger)
	f := c.Flags()
	f.BoolVar(&o.releasable, "releasable", false, "the keys that this run verified and that both sides list unchanged")
	f.BoolVarP(&o.null, "null", "0", false, "end each key with a NUL byte in place of a line break")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each key, with its size")
	return c
}

func (o *exportOptions) export(ctx context.Context, name string, out, errOut io.Writer) error {
	run, err := cli.FindRun(ctx, o.ledger, name, errOut)
	if err != nil {
		return err
	}
	r, err := openReleasable(ctx, run)
	if err != nil {
		return err
	}
	listed := time.Now().UTC()
	lines := bufio.NewWriter(out)
	left := map[string]ledger.Tally{}
	var printed ledger.Tally
	for f, err := range r.Objects(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if ctx.Err() != nil {
			_ = lines.Flush() // the interruption is told
			return cli.ErrInterrupted
		}
		if err != nil {
			return errors.Join(cli.Misconfigured(err), lines.Flush())
		}
		why := reasons[f.Why]
		if why == "" {
			why = o.unprintable(f.Key)
		}
		if why != "" {
			n := left[why]
			n.Add(1, f.Size)
			left[why] = n
			continue
		}
		printed.Add(1, f.Size)
		if err := o.print(lines, f); err != nil {
			return err
		}
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	return tellExport(errOut, run.Name, listed, printed, left)
}

// openReleasable opens what a run is held against. It refuses one that is not over, not
// verified, or does not tell which stretch each of its files is of.
func openReleasable(ctx context.Context, run *ledger.Run) (*release.Run, error) {
	rep, err := report.Read(ctx, run)
	switch {
	case ledger.Missing(err):
		return nil, cli.Usage(fmt.Errorf("run %s is not over yet: ferry status %s tells how far it is", run.Name, run.Name))
	case err != nil:
		return nil, err
	case eventnames.IsRun(run.Name):
		return nil, cli.Usage(fmt.Errorf("run %s is a day of events: export a run of the whole job, which verifies what events copied, too", run.Name))
	case rep.Result != report.Verified:
		return nil, cli.Usage(fmt.Errorf("run %s is not verified but %s: cure what ferry report %s names, run the job again, and export that run", run.Name, rep.Result, run.Name))
	}
	m, err := report.ReadManifest(ctx, run, rep)
	if err != nil {
		return nil, err
	}
	if !release.Dated(m) {
		return nil, cli.Usage(fmt.Errorf("run %s is of an older version, whose files do not tell which keys they have: run the job again, which copies nothing twice, and export that run", run.Name))
	}
	j, _, err := report.JobOf(ctx, run)
	if err != nil {
		return nil, err
	}
	sites, err := cli.Ends(ctx, app.Load(os.Getenv), j, cli.CheckTime)
	if err != nil {
		return nil, err
	}
	return release.New(run, m, j, sites.Source, sites.Target), nil
}

// The sentences of keys that cannot be printed in some forms.
const withNUL, withBreak = "export.with_nul", "export.with_break"

// unprintable names the sentence of why a key cannot be told from two in the form that is
// printed; "": it can.
func (o *exportOptions) unprintable(key string) string {
	switch {
	case o.json:
	case o.null && strings.ContainsRune(key, 0):
		return withNUL
	case !o.null && strings.ContainsAny(key, "\r\n"):
		return withBreak
	}
	return ""
}

func (o *exportOptions) print(w *bufio.Writer, f release.Object) error {
	if o.json {
		line, err := json.Marshal(struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
		}{f.Key, f.Size})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", line)
		return err
	}
	end := byte('\n')
	if o.null {
		end = 0
	}
	_, err := w.WriteString(f.Key + string(end))
	return err
}

// reasons name the sentences of why objects are left out.
var reasons = map[release.Why]string{
	release.Unverified:    "export.unverified",
	release.MetadataOnly:  "export.metadata_only",
	release.SourceGone:    "export.source_gone",
	release.SourceChanged: "export.source_changed",
	release.TargetGone:    "export.target_gone",
	release.TargetChanged: "export.target_changed",
}

// tellExport says how much was printed, until when that holds, and what was left out.
func tellExport(w io.Writer, run string, listed time.Time, printed ledger.Tally, left map[string]ledger.Tally) error {
	text := show.Sentence("export.may_go", show.Count("objects", printed.Objects), words.Size(printed.Bytes), run, listed.Add(24*time.Hour).Format("2006-01-02 15:04 UTC"))
	for _, name := range []string{reasons[release.Unverified], reasons[release.MetadataOnly], reasons[release.SourceGone], reasons[release.SourceChanged], reasons[release.TargetGone], reasons[release.TargetChanged], withNUL, withBreak} {
		if n := left[name]; n.Objects > 0 {
			text += "\n" + show.Sentence("export.left_out", show.Count("objects", n.Objects), words.Size(n.Bytes), show.Sentence(name))
		}
	}
	return show.Print(w, text)
}
