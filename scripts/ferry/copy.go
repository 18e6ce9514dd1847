package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
)

// copyOptions are the flags of `ferry copy`.
type copyOptions struct {
	jobFlags
	log         string
	json, quiet bool
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
		Args: places,
		RunE: func(c *cobra.Command, args []string) error {
			j, keys, err := o.asked(c, args, false)
			return runCopy(c.Context(), o, j, keys, err, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.add(c, func(f *pflag.FlagSet) {
		f.BoolVar(&o.json, "json", false, "end with the summary as one line of JSON on standard output; all else goes to standard error")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		f.StringVar(&o.log, "log", "", "write a log of JSON lines to this file; - is standard error")
	})
	return c
}

// checkTime bounds the questions that are asked before anything is done.
const checkTime = time.Minute

// runCopy copies j, or tells what is wrong with it (err) and with the environment.
func runCopy(ctx context.Context, o copyOptions, j job.Job, keys []string, err error, out, errOut io.Writer) error {
	text := out
	if o.json {
		text = errOut
	}
	cfg := app.Load(os.Getenv)
	if err := errors.Join(err, cfg.Missing(j.Source, j.Target, j.Ledger), cfg.CheckAlerts(j)); err != nil {
		return usageError{err}
	}
	log, closeLog, err := openLog(o.log, errOut)
	if err != nil {
		return usageError{err}
	}
	defer closeLog()
	sites, err := cfg.Connect(j)
	if err != nil {
		return usageError{err}
	}
	checked, cancel := context.WithTimeout(ctx, checkTime)
	err = sites.Check(checked)
	cancel()
	if err != nil {
		return misconfigured(err)
	}
	v := &view{tell: show.NewTeller(text), job: j, quiet: o.quiet, out: text}
	v.caught = show.NewCaught(v.tell)
	rep, err := app.Copy(ctx, sites, j, agent.CopyOptions{Log: log, Watch: v.watch, Begun: v.begun, Follows: v.follows, Waited: v.waited, Keys: keys})
	v.tell.End()
	if err != nil {
		return v.stopped(ctx, err)
	}
	return v.ended(rep, o.json, out)
}

// openLog returns where to log to: nowhere, standard error, or a file. A file
// that cannot be written any more is told on standard error, once.
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
		_, _ = fmt.Fprintf(errOut, "ferry: --log: lines are lost: %v; the run goes on without them, and its ledger has all that counts\n", err) // nobody else is to be told
	}
	return slog.New(app.LogHandler(f, slog.LevelDebug, lost)), func() { _ = f.Close() }, nil
}

// view shows a run of `ferry copy`.
type view struct {
	tell   *show.Teller
	caught *show.Caught
	job    job.Job
	quiet  bool
	run    string
	by     string // another process that does it
	out    io.Writer

	mu   sync.Mutex
	down time.Time // when it was last said that a side does not answer; zero: it answers
}

// begun is told which run it is.
func (v *view) begun(run string, done *ledger.Progress) {
	v.run = run
	v.tell.Plain("%s -> %s", v.job.Source.Place(), v.job.Target.Place())
	if done == nil {
		v.tell.Plain("run %s, kept in %s", run, v.job.Ledger.Place())
	} else {
		batches, open := batches(*done)
		v.tell.Plain("going on with run %s, kept in %s: %s of %s were done", run, v.job.Ledger.Place(), humanize.Comma(batches-open), words.Count(batches, "batch", "batches"))
	}
	v.tell.End() // of the process that did it before
	if !v.quiet {
		v.tell.Begin()
		v.tell.Stands(done)
	}
}

// follows is told of another process that does the run.
func (v *view) follows(f agent.Follow) {
	if v.by != f.By.Process {
		v.by, v.run = f.By.Process, f.Run
		v.tell.Plain("run %s is being done by another process (%s, since %s UTC, last sign of life %.0f s ago): this one copies nothing and waits for its end; should that one stop, this one goes on",
			f.Run, processOf(f.By), f.By.Since.UTC().Format(time.DateTime), f.Age.Seconds())
		if !v.quiet {
			v.tell.Begin()
		}
	}
	if f.Progress != nil {
		v.tell.Stands(f.Progress)
	}
}

// waited is told of another process that waits for this one.
func (v *view) waited(by ledger.Holder) {
	v.tell.Plain("another process was started for the same run (%s): it waits for this one, and goes on should this one stop", processOf(by))
}

// processOf names a process to those who may look for it.
func processOf(h ledger.Holder) string {
	if h.Process == "" {
		return "whose record cannot be read"
	}
	return fmt.Sprintf("process %d on %s", h.PID, h.Host)
}

// batches counts the batches of a run that hold something to copy, and the open ones.
func batches(p ledger.Progress) (all, open int64) {
	for _, s := range p.Shards {
		all += s.Sealed.Batches
		open += s.Left.Batches
	}
	return all, open
}

func (v *view) watch(e pipeline.Progress) {
	v.tell.Watch(e)
	v.outage(e)
	if e.Kind != pipeline.Caught || v.quiet {
		return
	}
	if kind := show.KindOf(e.Err); kind != "" {
		v.caught.Add(kind, e.Key)
	}
}

// outageEvery is how often it is said again that a side does not answer.
const outageEvery = 10 * time.Minute

// outage says that a side does not answer and is waited for, now and then, and
// that it answers again.
func (v *view) outage(e pipeline.Progress) {
	if e.Kind != pipeline.Down && e.Kind != pipeline.Up {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case e.Kind == pipeline.Up && !v.down.IsZero():
		v.down = time.Time{}
		v.tell.Plain("it answers again: the run goes on")
	case e.Kind == pipeline.Down && time.Since(v.down) > outageEvery:
		v.down = time.Now()
		v.tell.Plain("%s", fault.Sentence(e.Err))
	}
}

// stopped says how to go on.
func (v *view) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		v.tell.Plain("interrupted: nothing is lost; the same command goes on with run %s", v.run)
		return errInterrupted
	}
	if errors.Is(err, agent.ErrHalted) && fault.KindOf(unjoined(err)) == fault.Corrupt {
		return fmt.Errorf("%w; what was copied is in the target: with that file back the same command goes on with run %s, and ferry cancel %s ends it, so that the next one begins anew", unjoined(err), v.run, v.run)
	}
	if errors.Is(err, agent.ErrHalted) {
		return fmt.Errorf("%w; nothing is lost: once that is mended, the same command goes on with run %s", unjoined(err), v.run)
	}
	return misconfigured(err)
}

// unjoined is what err says besides that the run was left as it is.
func unjoined(err error) error {
	for _, e := range apart(err) {
		if !errors.Is(e, agent.ErrHalted) {
			return e
		}
	}
	return err
}

// ended prints the summary, and what to run next.
func (v *view) ended(rep report.Report, asJSON bool, out io.Writer) error {
	v.tell.Plain("")
	if err := show.Summary(v.out, rep); err != nil {
		return err
	}
	at := v.job.Ledger
	v.tell.Plain("\nReport: oss://%s/%sruns/%s/report.html", at.Bucket, at.Prefix, rep.Run)
	v.tell.Plain("        ferry report %s --ledger '%s'", rep.Run, at)
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
		return errIncomplete
	}
	return nil
}
