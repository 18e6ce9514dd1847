package checks

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
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/check/contract"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/queue"
)

// contractOptions are the flags of `ferry check --contract`.
type contractOptions struct {
	contract, yes bool
	scratch, save string
}

func (o *contractOptions) withContract(f *pflag.FlagSet) {
	f.BoolVar(&o.contract, "contract", false, "hold your own clouds to all that Ferry relies on, and write contract.json; it writes below a scratch prefix")
	f.BoolVar(&o.yes, "yes", false, "with --contract: write what it says it will, without asking")
	f.StringVar(&o.scratch, "scratch", "", "with --contract: a prefix at Kodo that it may write below, kodo://bucket/prefix/?region=…")
	f.StringVar(&o.save, "save", "contract.json", "with --contract: the `FILE` to write what was found to")
}

// misplaced returns an error for each of these flags that is set without --contract.
func (o *contractOptions) misplaced(c *cobra.Command) error {
	var wrong []error
	for _, name := range []string{"yes", "scratch", "save"} {
		if c.Flags().Changed(name) && !o.contract {
			wrong = append(wrong, fmt.Errorf("--%s goes with --contract alone", name))
		}
	}
	return errors.Join(wrong...)
}

// scratchAt parses --scratch; without it the location is zero. The location must not
// overlap the source.
func (o *contractOptions) scratchAt(src job.Location) (job.Location, error) {
	if o.scratch == "" {
		return job.Location{}, nil
	}
	l, err := job.ParseLocation(o.scratch)
	switch {
	case err != nil:
		return l, fmt.Errorf("--scratch: %s", fault.Sentence(err))
	case l.Scheme != job.Kodo || !strings.HasSuffix(l.Prefix, "/"):
		return l, errors.New("--scratch: write a prefix at Kodo that ends in a slash: kodo://my-scratch/ferry/?region=z0")
	case l.Bucket == src.Bucket && (strings.HasPrefix(l.Prefix, src.Prefix) || strings.HasPrefix(src.Prefix, l.Prefix)):
		return l, errors.New("--scratch lies inside the source, which is never written: name another bucket or prefix")
	}
	return l, nil
}

// contractPlace is where a run of the contract writes.
type contractPlace struct {
	prefix   string // in the ledger's bucket
	scratch  job.Location
	atKodo   string // prefix there
	nonce    string
	queues   bool
	queuesAt job.Location
}

// runContract tests the clouds of j against the contract, prints the rows and writes
// them to o.save.
func runContract(c *cobra.Command, o options, cfg app.Config, j job.Job) error {
	ctx, out, errOut := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	text := out
	if o.json {
		text = errOut
	}
	at := contractPlace{nonce: ledger.Nonce(), queues: o.queues != ""}
	at.prefix = j.Ledger.Prefix + "contract-" + at.nonce + "/"
	setup, err := o.contractSetup(cfg, j, &at)
	if err != nil {
		return cli.Usage(err)
	}
	if err := fits(ctx, cfg, j); err != nil {
		return err
	}
	if err := o.agreed(c.InOrStdin(), text, j, at); err != nil {
		return err
	}
	setup.Tell = func(r contract.Row) { printRow(text, r) }
	began := time.Now()
	rows, lerr := contract.Run(ctx, setup)
	res := contract.NewResult(cli.Version(), began, time.Since(began), rows)
	data, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return err
	}
	if err := errors.Join(lerr, os.WriteFile(o.save, append(data, '\n'), 0o644)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		_ = show.Print(text, show.Sentence("contract.interrupted", o.save)) // a reader that went away misses the show
		return cli.ErrInterrupted
	}
	if o.json {
		if err := json.NewEncoder(out).Encode(res); err != nil {
			return err
		}
	}
	_ = show.Print(text, "\n"+show.Sentence("contract.came", res.Passed, res.Failed, res.Skipped, show.Span(time.Since(began)), o.save)) // a reader that went away misses the show
	if res.Failed > 0 {
		return cli.ErrIncomplete
	}
	return nil
}

// contractSetup opens everything that the contract needs, and completes at. It makes
// no request.
func (o options) contractSetup(cfg app.Config, j job.Job, at *contractPlace) (contract.Setup, error) {
	s := contract.Setup{SourceAt: j.Source, BucketAt: j.Ledger, Prefix: at.prefix}
	var serr, berr, kerr, qerr error
	s.Source, serr = cfg.Source(j.Source)
	s.Bucket, berr = cfg.Target(j.Ledger)
	if at.scratch, kerr = o.scratchAt(j.Source); kerr == nil && o.scratch != "" {
		at.atKodo = at.scratch.Prefix + "contract-" + at.nonce + "/"
		s.Scratch = contract.NewKodo(at.scratch, at.atKodo, cfg.KodoAccessKey, cfg.KodoSecretKey)
		s.ScratchAt, kerr = cfg.Source(at.scratch)
	}
	if at.queues {
		if at.queuesAt, qerr = job.ParseLocation(o.queues); qerr != nil {
			qerr = fmt.Errorf("--queues or FERRY_QUEUES: %s", fault.Sentence(qerr))
		}
		s.QueuesAt = at.queuesAt
		s.Ways = cfg.QueueWays
		s.Queue = func(name string) (queue.Scratch, error) { return cfg.ScratchQueue(at.nonce + "-" + name) }
	}
	s.Private = Private(cfg, j.Source, j.Target, j.Ledger, at.scratch, at.queuesAt)
	s.Private = append(s.Private, at.atKodo, at.nonce)
	return s, errors.Join(serr, berr, kerr, qerr)
}

// Private returns what no row may contain: every key of cfg, and the names and hosts
// of places.
func Private(cfg app.Config, places ...job.Location) []string {
	known := []string{
		cfg.KodoAccessKey, cfg.KodoSecretKey, cfg.OSSAccessKeyID, cfg.OSSAccessSecret, cfg.OSSSecurityToken,
		cfg.AWSAccessKeyID, cfg.AWSSecretAccessKey, cfg.AWSSessionToken,
	}
	for _, l := range places {
		_, host, named := strings.Cut(l.Endpoint, "://")
		if !named {
			host = l.Endpoint
		}
		known = append(known, l.Bucket, l.Prefix, strings.TrimSuffix(l.Prefix, "/"), l.Domain, l.Endpoint, host)
	}
	return known
}

// fits returns an error of usage where the places of j cannot be used, or where the ledger's
// bucket is under retention, so that nothing written there could be removed.
func fits(ctx context.Context, cfg app.Config, j job.Job) error {
	sites, err := cfg.Connect(j)
	if err != nil {
		return cli.Usage(err)
	}
	checked, cancel := context.WithTimeout(ctx, cli.CheckTime)
	defer cancel()
	if err := sites.Check(checked); err != nil {
		return cli.Misconfigured(err)
	}
	b, err := cfg.Target(j.Ledger)
	if err != nil {
		return cli.Usage(err)
	}
	if k, ok := b.(interface {
		Retention(context.Context) (int, error)
	}); ok {
		if days, err := k.Retention(checked); err == nil && days > 0 {
			return cli.Usage(fmt.Errorf("the ledger's bucket keeps every object for %d days (WORM), so nothing written there could be removed: name another, --ledger", days))
		}
	}
	return nil
}

// agreed prints what will be written, and asks on a terminal unless --yes is set. No
// consent is an error of usage.
func (o options) agreed(in io.Reader, out io.Writer, j job.Job, at contractPlace) error {
	lines := []string{show.Sentence("contract.writes", job.Location{Scheme: job.OSS, Bucket: j.Ledger.Bucket}.Place()+at.prefix)}
	if o.scratch != "" {
		lines = append(lines, show.Sentence("contract.at_kodo", job.Location{Scheme: job.Kodo, Bucket: at.scratch.Bucket, Prefix: at.atKodo}.Place()))
	}
	if at.queues {
		lines = append(lines, show.Sentence("contract.queues", at.queuesAt.Prefix+"contract-"+at.nonce+"-…"))
	}
	lines = append(lines, show.Sentence("contract.removes", j.Source.Place()))
	_ = show.Print(out, strings.Join(lines, "\n")) // a reader that went away misses the show
	if o.yes {
		return nil
	}
	file, ok := in.(*os.File)
	if !ok || !show.IsTerminal(file) {
		return cli.Usage(errors.New("--contract writes to your clouds: add --yes if that is meant"))
	}
	_, _ = io.WriteString(out, show.Sentence("contract.go_on")+" [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is no
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return cli.Usage(errors.New("nothing was written: --contract takes a yes, or --yes"))
	}
	return nil
}

// verdictWords all have the same width.
var verdictWords = map[contract.Verdict]string{contract.Pass: "ok  ", contract.Fail: "FAIL", contract.Skipped: "skip"}

// printRow prints a row as a line.
func printRow(w io.Writer, r contract.Row) {
	line := fmt.Sprintf("  %s  %-11s  %-7s  %s", verdictWords[r.Verdict], r.Cloud, r.Of, r.Sentence)
	if r.Found != "" {
		line += ": " + r.Found
	}
	if r.Reason != "" {
		line += " (" + r.Reason + ")"
	}
	_, _ = fmt.Fprintln(w, words.Printable(line)) // a reader that went away misses the show
}
