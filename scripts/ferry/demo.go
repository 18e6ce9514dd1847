package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// demoOptions are the flags of `ferry demo`.
type demoOptions struct {
	objects int
	seed    uint64
	json    bool
	keep    string

	platform  string // inProcess, onFC or onLambda
	functions string // directory of built functions; "" builds them

	storm time.Duration // how long one rages; 0: there is none

	zeroCounts, serialStreams, pull bool // what Function Compute's side may do: see the flags
}

// The demo's bucket needs room for every object with a story; more than the
// upper bound would not fit the memory of a laptop.
const (
	demoFewest = 50
	demoMost   = 100_000
)

func demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Move a made-up bucket through both clouds' stand-ins while everything goes wrong",
		Long: `Demo starts stand-ins for Kodo and OSS in this process, fills a bucket with
objects as life makes them, injects faults into both, changes objects while the
run goes on, kills a worker in mid-batch, and moves the bucket all the same.
Then it checks the result itself, past Ferry: every stored byte, every state,
every proof. It needs no credentials and reaches nothing but this machine.

With --platform fc or lambda the bucket moves through the functions' own
binaries, started, frozen, killed and given temporary keys by a stand-in of
Function Compute or AWS Lambda; they are built from the source for it. The
queues are MNS's, on Lambda SQS's.

With --storm 10m it is a test of endurance. Two buckets move again and again for
that long, by full runs, by deltas and by such that mirror deletions, now and
then side by side, while processes are killed, messages come twice, five times,
late, out of order or never, one answer in twenty is 500, 502, 503, 573 or 599,
connections are reset amid requests and answers, bytes flip, pages of listings
are empty, answers are lost, keys expire, a clock is 10 minutes off, objects are
overwritten and deleted at the source, and an application writes and deletes in
the target. Then it calms, a last run of each mirrors what the sources have
become, and every object is checked. The work is done by 3 processes of ferry
agent, or with --platform by the functions. Each kind of fault must have been
met; one that was not is a failure, and so is a run that does not end within 5
minutes of calm. The same --seed is the same storm, but for what the machine's
own pace decides. A log of all that every process said is left in --keep.

The exit code is 0 only if every object ended exactly as it must.`,
		Example: "  ferry demo\n  ferry demo --platform fc\n  ferry demo --objects 10000 --seed 7 --keep ./demo-report\n  ferry demo --storm 2m --platform lambda --seed 7\n  ferry demo --json | tail -1 | jq .objects",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			stormy := c.Flags().Changed("storm")
			if stormy && !c.Flags().Changed("objects") {
				o.objects = stormObjects
			}
			if stormy && !c.Flags().Changed("seed") {
				o.seed = rand.Uint64N(1_000_000)
			}
			if stormy && o.storm <= 0 {
				return usageError{fmt.Errorf("--storm %s: write how long it rages, as 10m", o.storm)}
			}
			if stormy && o.pull {
				return usageError{errors.New("--storm kills instances, and --pull allows none to be killed: leave one of them out")}
			}
			if o.objects < demoFewest || o.objects > demoMost {
				return usageError{fmt.Errorf("--objects %d: want %d to %d", o.objects, demoFewest, demoMost)}
			}
			if !slices.Contains([]string{inProcess, onFC, onLambda}, o.platform) {
				return usageError{fmt.Errorf("--platform %q: want %s, %s or %s", o.platform, inProcess, onFC, onLambda)}
			}
			if o.platform != onFC && (o.zeroCounts || o.serialStreams || o.pull) {
				return usageError{fmt.Errorf("--zero-counts, --serial-streams, --pull: they are about MNS, event streams and what stands in their place, so that they go with --platform %s", onFC)}
			}
			if stormy {
				return runStorm(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
			}
			return runDemo(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().IntVar(&o.objects, "objects", 2000, fmt.Sprintf("how many objects the bucket has; with --storm each of the two about, and %d unless it is given", stormObjects))
	c.Flags().Uint64Var(&o.seed, "seed", 1, "what the bucket and its faults derive from; with --storm a new one unless it is given")
	c.Flags().DurationVar(&o.storm, "storm", 0, "have a storm rage for so long, as `10m`")
	c.Flags().StringVar(&o.platform, "platform", inProcess, "where the work is done: process, fc (Function Compute) or lambda (AWS Lambda)")
	c.Flags().StringVar(&o.functions, "functions", "", "directory of built functions (default: build them from the source around)")
	c.Flags().BoolVar(&o.zeroCounts, "zero-counts", false, "with --platform fc: MNS tells 0 for the number of messages of every queue, as it is announced to")
	c.Flags().BoolVar(&o.serialStreams, "serial-streams", false, "with --platform fc: each event stream delivers one message at a time")
	c.Flags().BoolVar(&o.pull, "pull", false, "with --platform fc: copy tasks come by the pull function alone, which a timer starts, and by no stream; no instance is killed then, for its messages come again only after minutes")
	c.Flags().BoolVar(&o.json, "json", false, "end with the summary as one line of JSON on standard output; all else goes to standard error")
	c.Flags().StringVar(&o.keep, "keep", "", "directory to leave the report in (default: a new one for temporary files)")
	return c
}

// errDiffers is how a demo ends in which something is not as it must be; what, it has printed.
var errDiffers = errors.New("not everything happened as it must")

// runDemo runs the demo and prints what happens. It fails if anything differs
// from what is expected.
func runDemo(ctx context.Context, o demoOptions, out, errOut io.Writer) error {
	text := out
	if o.json {
		text = errOut
	}
	dir, err := reportDir(o.keep)
	if err != nil {
		return err
	}
	tell := show.NewTeller(text)
	defer tell.End()
	w, err := newDemoWorld(o, tell)
	if err != nil {
		return err
	}
	defer w.close()
	w.introduce()
	move := w.move
	if o.platform != inProcess {
		move = w.moveByFunctions
	}
	run, err := move(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := run.keep(dir); err != nil {
		return err
	}
	differs := w.account(run, filepath.Join(dir, "report.html"))
	if o.json {
		line, err := json.Marshal(run.report.Summary)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
	if differs > 0 {
		return fmt.Errorf("demo: %w: %d findings, see above", errDiffers, differs)
	}
	return nil
}

func reportDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "ferry-demo-")
	}
	return keep, os.MkdirAll(keep, 0o755)
}

// demoRun is a run that has ended, read back from its ledger.
type demoRun struct {
	report report.Report
	files  map[string][]byte // name below the run's prefix: content
	rows   []demoRow
}

// roomy lifts the limit that Copy puts on the heap: both clouds' objects lie in it.
func roomy(string, *ledger.Progress) { debug.SetMemoryLimit(math.MaxInt64) }

// move runs the whole migration, faults and all, and reads its result back.
func (w *demoWorld) move(ctx context.Context) (demoRun, error) {
	var run demoRun
	cfg := app.Config{
		KodoAccessKey: demoKey, KodoSecretKey: demoSecret,
		OSSAccessKeyID: demoKey, OSSAccessSecret: demoSecret,
		QueuesAt: w.queuesLocation(),
	}
	j, err := w.job()
	if err != nil {
		return run, err
	}
	cfg.LedgerAt = j.Ledger.String()
	shared, err := cfg.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		return run, err
	}
	sites, err := cfg.Connect(j)
	if err != nil {
		return run, err
	}
	if err := sites.Check(ctx); err != nil {
		return run, err
	}
	w.trouble()
	w.tell.Begin()
	run.report, err = app.Copy(ctx, sites, j, agent.CopyOptions{Watch: w.watch, Faulty: w.dying, Begun: roomy, Queues: shared.Queue, Hidden: visibility})
	w.tell.End()
	w.calm()
	if err != nil {
		return run, err
	}
	return run, run.read(ctx, sites.Ledger.Run(run.report.Run))
}
