package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/metrics"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/worker"
)

// copyOptions are the flags of `ferry copy`.
type copyOptions struct {
	jobs.Flags
	log         string
	listen      string
	json, quiet bool
	dry         bool
}

func copyCommand() *cobra.Command {
	var o copyOptions
	c := &cobra.Command{
		Use:   "copy {SRC DST | NAME}",
		Short: "Move a bucket, or a prefix of it, from this machine",
		Long: `Copy runs a whole migration from this machine: it lists both sides, copies what
differs, lists both sides again and proves every object. A later copy of the
same pair moves what has changed since.

SRC and DST name a bucket, a prefix, and the way there:

  kodo://photos/2019/?region=z0            region of the bucket; left out, Kodo is asked
    &domain=img.example.com                download domain; left out, the region's own source host
  s3://photos-s3/2019/?region=cn-east-1    Kodo's S3-compatible interface, where a bucket may have another name;
    &endpoint=minio.example.com            or any other: AWS's by its region, else a host. The bucket goes into
                                           the path; a host that begins with its name has it there instead
  file:///data/photos                      a directory of this machine, to read: what is below it, by its path from there
  oss://photos-new/2019/?region=cn-hangzhou
    &endpoint=internal                     internal, public, accelerate, or a host or CNAME
  &insecure=true                           allow plain http

The prefix of the source is swapped for that of the target; nothing else of a
key changes. Names with special characters are percent-encoded: a%20b.

Instead of both, give the NAME of a job in ferry.yaml, or in another --file,
which says all that flags say here; infra/ferry.example.yaml shows how.

The run is kept in a ledger, by default under .ferry/ in the target's bucket.
Interrupted by Ctrl-C or by anything worse, the same command goes on where it
was; what was written off is not copied again. Started while another process does
the run, it waits for that one, and goes on should that one stop. A run is not
begun where another job writes that is kept in the ledger or has an unfinished run.`,
		Example: `  ferry copy 'kodo://photos/2019/?region=z0' 'oss://photos-new/2019/?region=cn-hangzhou'
  ferry copy 'kodo://photos/?domain=img.example.com' 'oss://photos-new/?region=cn-hangzhou&endpoint=internal'
  ferry copy 's3://photos/?region=eu-west-1' 'oss://photos-new/?region=cn-hangzhou'
  ferry copy file:///data/photos 'oss://photos-new/?region=cn-hangzhou'
  ferry copy SRC DST --include '**/*.jpg' --exclude '**/.thumbs/**' --after 2024-01-01
  ferry copy SRC DST --bandwidth '200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai'
  ferry copy photos --file jobs/ferry.yaml
  ferry copy SRC DST --json | tail -1 | jq .objects`,
		Args: jobs.Places,
		RunE: func(c *cobra.Command, args []string) error {
			j, keys, err := o.Asked(c, args, false)
			if o.dry {
				return runPlan(c.Context(), planOptions{json: o.json, quiet: o.quiet}, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
			}
			return runCopy(c.Context(), o, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.Add(c, func(f *pflag.FlagSet) {
		f.BoolVar(&o.json, "json", false, "end with the summary as one line of JSON on standard output; all else goes to standard error")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		dryFlag(f, &o.dry)
		f.StringVar(&o.listen, "listen", "", "serve what this process counts at /metrics of this address, for Prometheus, as 127.0.0.1:9464")
		f.StringVar(&o.log, "log", "", "write a log of JSON lines to this file; - is standard error")
	})
	return c
}

// runCopy copies j; err is what is wrong with j, which is returned with what is wrong with
// the environment.
func runCopy(ctx context.Context, o copyOptions, j job.Job, keys []string, err error, out, errOut io.Writer) error {
	text := out
	if o.json {
		text = errOut
	}
	cfg := app.Load(os.Getenv)
	if err := errors.Join(err, cfg.Missing(j.Source, j.Target, j.Ledger), cfg.CheckAlerts(j)); err != nil {
		return cli.Usage(err)
	}
	has := capacity.Process(capacity.Copying)
	if err := has.Check(j.Limits.Parallel); err != nil {
		return cli.Usage(err)
	}
	log, closeLog, err := openLog(o.log, errOut)
	if err != nil {
		return cli.Usage(err)
	}
	defer closeLog()
	sites, err := cfg.Connect(j)
	if err != nil {
		return cli.Usage(err)
	}
	v := show.NewCopy(show.NewTeller(text), j, o.quiet)
	shown := v.Watch
	var around func(worker.Doer) worker.Doer
	if o.listen != "" {
		counts := metrics.New()
		server, err := metrics.Serve(o.listen, counts)
		if err != nil {
			return cli.Usage(err)
		}
		defer func() { _ = server.Close() }()
		shown = func(e watch.Progress) { v.Watch(e); counts.Watch(e) }
		around = counts.Count
	}
	show.Remarks(text, j)
	waited := show.Waiting(errOut, show.ForPlaces)
	checked, cancel := context.WithTimeout(ctx, cli.CheckTime)
	err = sites.Check(checked)
	cancel()
	waited()
	if err != nil {
		return cli.Misconfigured(err)
	}
	if most, by := has.InFlight(); by != "" && j.Limits.Parallel == job.AutoParallel {
		v.AtMost(most, by)
	}
	rep, err := app.Copy(ctx, sites, j, agent.CopyOptions{Capacity: has, Log: log, Watch: shown, Around: around, Begun: v.Begun, Follows: v.Follows, Waited: v.Waited, PassedOver: v.PassedOver, Keys: keys})
	v.Tell.End()
	if err != nil && ctx.Err() == nil && !errors.Is(err, agent.ErrHalted) {
		asked, cancel := context.WithTimeout(ctx, cli.CheckTime)
		err = sites.Diagnosed(asked, err)
		cancel()
	}
	if err != nil {
		return copyStopped(ctx, v, err)
	}
	return copyEnded(v.Tell, j.Ledger, rep, o.json, out)
}

// openLog returns where to log to: nowhere, standard error, or a file. The first
// line that cannot be written is reported on standard error.
func openLog(name string, errOut io.Writer) (*slog.Logger, func(), error) {
	switch name {
	case "":
		return slog.New(slog.DiscardHandler), func() {}, nil
	case "-":
		return slog.New(app.LogHandler(errOut, slog.LevelInfo, nil)), func() {}, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("--log: %w", err)
	}
	lost := func(err error) {
		_ = show.Print(errOut, show.Sentence("copy.log_lost", err)) // there is no other place to report it
	}
	return slog.New(app.LogHandler(f, slog.LevelDebug, lost)), func() { _ = f.Close() }, nil
}

// copyStopped returns err with the command that goes on.
func copyStopped(ctx context.Context, v *show.Copy, err error) error {
	if ctx.Err() != nil {
		v.Interrupted()
		return cli.ErrInterrupted
	}
	if errors.Is(err, agent.ErrHalted) && fault.KindOf(unjoined(err)) == fault.Corrupt {
		return fmt.Errorf("%w; what was copied is in the target: with that file back the same command goes on with run %s, and ferry cancel %s ends it, so that the next one begins anew", unjoined(err), v.Run, v.Run)
	}
	if errors.Is(err, agent.ErrHalted) {
		return fmt.Errorf("%w; nothing is lost: once that is mended, the same command goes on with run %s", unjoined(err), v.Run)
	}
	return cli.Misconfigured(err)
}

// unjoined is what err says besides that the run was left as it is.
func unjoined(err error) error {
	for _, e := range cli.Apart(err) {
		if !errors.Is(e, agent.ErrHalted) {
			return e
		}
	}
	return err
}

// copyEnded prints the summary, and what to run next.
func copyEnded(tell *show.Teller, at job.Location, rep report.Report, asJSON bool, out io.Writer) error {
	tell.Plain("")
	if err := show.Summary(tell.Writer(), rep); err != nil {
		return err
	}
	if err := show.Failures(tell.Writer(), rep); err != nil {
		return err
	}
	show.Where(tell, at, rep.Run)
	if asJSON {
		line, err := json.Marshal(rep.Summary)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
	if rep.Result != report.Verified {
		return cli.ErrIncomplete
	}
	return nil
}
