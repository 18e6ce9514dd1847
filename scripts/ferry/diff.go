package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
)

// diffOptions are the flags of `ferry diff`.
type diffOptions struct {
	jobs.Flags
	prefix           string
	all, json, quiet bool
}

func diffCommand() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use:   "diff {SRC DST | NAME}",
		Short: "Compare two buckets, without a run",
		Long: `Diff lists both sides and compares them key by key, by the rules by which a run
decides what to copy. It writes nothing, not even a ledger, of which it reads what
earlier runs left, and reads no bytes. SRC,
DST and NAME are those of ferry copy.

It prints a line for each key that differs, while it lists:

  + KEY   the source alone has it
  - KEY   the target alone has it
  * KEY   both have it, and they differ
  = KEY   both have the same (with --all), and in brackets by which evidence:
          md5 (both list it), run (both list what they did when an earlier run
          proved it), kept (the target's metadata carry the hash that the source
          lists: whoever overwrites an object may keep them), size (equal size, and
          nothing else is known of both)

and at the end how many there are of each. Of kept and size nothing is proved, which a
run does, or ferry verify of one. What the job's filter leaves out, and the ledger, is not compared.

It ends with 0 where nothing differs and with 3 where something does.`,
		Example: `  ferry diff 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry diff SRC DST --prefix 2019/
  ferry diff SRC DST --json | jq -r 'select(.relation=="only_source").key'`,
		Args: jobs.Places,
		RunE: func(c *cobra.Command, args []string) error {
			if err := refuseItself(args); err != nil {
				return cli.Usage(err)
			}
			j, _, err := o.Asked(c, args, false)
			return o.diff(c.Context(), j, err, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.File, "file", jobs.DefaultFile, "the file that has the job NAME; infra/ferry.example.yaml shows all that can stand in one")
	f.StringVar(&o.Ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept, which is not compared: oss://bucket/prefix/?region=… (default: FERRY_LEDGER, else .ferry/ in the target's bucket)")
	f.StringVar(&o.prefix, "prefix", "", "only keys that begin so, behind the prefixes of SRC and DST")
	f.BoolVar(&o.all, "all", false, "also print a line for each key that is the same")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each key, and one with the summary last")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	return c
}

// refuseItself refuses a bucket that is compared with itself, whatever could be read of
// it. An OSS bucket may be named by its S3-compatible interface.
func refuseItself(args []string) error {
	if len(args) != 2 {
		return nil
	}
	src, err1 := job.ParseLocation(args[0])
	dst, err2 := job.ParseLocation(args[1])
	if err1 != nil || err2 != nil {
		return nil // the job's own check names what is wrong
	}
	same := src.Scheme == dst.Scheme || src.Scheme == job.S3 && dst.Scheme == job.OSS && strings.Contains(src.Endpoint, ".aliyuncs.com")
	if !same || src.Bucket != dst.Bucket || !strings.HasPrefix(src.Prefix, dst.Prefix) && !strings.HasPrefix(dst.Prefix, src.Prefix) {
		return nil
	}
	return fmt.Errorf("%s and %s are the same bucket: name the source and its copy", src.Place(), dst.Place())
}

// differences is what `ferry diff` found.
type differences struct {
	Source string                         `json:"source"`
	Target string                         `json:"target"`
	Counts map[plan.Relation]ledger.Tally `json:"counts"`
}

// same reports whether nothing differs.
func (d differences) same() bool {
	for r, n := range d.Counts {
		if !r.Same() && n.Objects > 0 {
			return false
		}
	}
	return true
}

// diff compares the sides of j; err is what is wrong with j.
func (o *diffOptions) diff(ctx context.Context, j job.Job, err error, out, errOut io.Writer) error {
	j.Source.Prefix += o.prefix
	j.Target.Prefix += o.prefix
	cfg := app.Load(os.Getenv)
	if j.KeyList != "" {
		err = errors.Join(err, errors.New("a list of keys is not compared: ferry diff lists both sides; ferry plan looks up the keys of a list"))
	}
	if err := errors.Join(err, cfg.Missing(j.Source, j.Target)); err != nil {
		return cli.Usage(err)
	}
	sites, err := cli.Ends(ctx, cfg, j, cli.CheckTime)
	if err != nil {
		return err
	}
	scan := show.NewScan(errOut, o.quiet)
	found := differences{Source: j.Source.Place(), Target: j.Target.Place(), Counts: map[plan.Relation]ledger.Tally{}}
	lines := bufio.NewWriter(out)
	err = o.compare(ctx, app.Diff(ctx, sites, j, scan.Watch), &found, lines)
	scan.Stop()
	partial := err != nil
	if err != nil && ctx.Err() == nil {
		return errors.Join(cli.Misconfigured(err), lines.Flush())
	}
	if err := errors.Join(o.end(found, partial, lines), lines.Flush()); err != nil {
		return err
	}
	switch {
	case partial:
		return cli.ErrInterrupted
	case !found.same():
		return cli.ErrIncomplete
	}
	return nil
}

// compare counts all, and prints a line for those that are wanted.
func (o *diffOptions) compare(ctx context.Context, all func(func(plan.Difference, error) bool), found *differences, out io.Writer) error {
	asJSON := json.NewEncoder(out)
	asJSON.SetEscapeHTML(false)
	for d, err := range all {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		n := found.Counts[d.Relation]
		n.Add(1, d.Bytes())
		found.Counts[d.Relation] = n
		switch {
		case d.Relation.Same() && !o.all:
		case o.json:
			err = asJSON.Encode(d)
		default:
			_, err = fmt.Fprintln(out, differenceLine(d))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// evidence words by which evidence two objects are the same.
var evidence = map[plan.Relation]string{plan.SameByMD5: "md5", plan.SameByRun: "run", plan.SameByKept: "kept", plan.SameBySize: "size"}

func differenceLine(d plan.Difference) string {
	key := words.Key(d.Key)
	switch d.Relation {
	case plan.OnlySource:
		return "+ " + key
	case plan.OnlyTarget:
		return "- " + key
	case plan.Different:
		if *d.SourceSize != *d.TargetSize {
			return show.Sentence("diff.sizes", key, words.Size(*d.SourceSize), words.Size(*d.TargetSize))
		}
		return "* " + key
	}
	return fmt.Sprintf("= %s (%s)", key, evidence[d.Relation])
}

// end prints the summary; partial says that the comparison was interrupted.
func (o *diffOptions) end(found differences, partial bool, out io.Writer) error {
	if o.json {
		return json.NewEncoder(out).Encode(struct {
			Summary differences `json:"summary"`
			Partial bool        `json:"partial,omitempty"`
			Same    bool        `json:"same"`
		}{found, partial, found.same()})
	}
	var text strings.Builder
	if partial {
		text.WriteString(show.Sentence("diff.partial") + "\n")
	}
	text.WriteString(show.Sentence("diff.sides", found.Source, found.Target) + "\n")
	for _, r := range plan.Relations {
		if n := found.Counts[r]; n.Objects > 0 {
			fmt.Fprintf(&text, "  %12s %s (%s)\n", humanize.Comma(n.Objects), show.Sentence("diff.of."+string(r)), words.Size(n.Bytes))
		}
	}
	unproved, kept := found.Counts[plan.SameBySize].Objects, found.Counts[plan.SameByKept].Objects
	switch {
	case len(found.Counts) == 0:
		text.WriteString(show.Sentence("diff.empty"))
	case !found.same():
		text.WriteString(show.Sentence("diff.differ"))
	case unproved+kept > 0:
		text.WriteString(show.Sentence("diff.none"))
		if unproved > 0 {
			text.WriteString(show.Sentence("diff.by_size", show.Count("heldsame", unproved)))
		}
		if kept > 0 {
			text.WriteString(show.Sentence("diff.by_kept", show.Count("heldsame", kept)))
		}
		text.WriteString(show.Sentence("diff.proves"))
	default:
		text.WriteString(show.Sentence("diff.same"))
	}
	_, err := io.WriteString(out, text.String()+"\n")
	return err
}
