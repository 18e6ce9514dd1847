package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/demo"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/storm"
)

func demoCommand() *cobra.Command {
	var on standins.Options
	var objects int
	var length time.Duration
	var asJSON bool
	keep := ""
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
		Args:    cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			stormy := c.Flags().Changed("storm")
			if stormy && !c.Flags().Changed("objects") {
				objects = storm.Objects
			}
			if stormy && !c.Flags().Changed("seed") {
				on.Seed = rand.Uint64N(1_000_000)
			}
			if stormy && length <= 0 {
				return cli.Usage(fmt.Errorf("--storm %s: write how long it rages, as 10m", length))
			}
			if stormy && on.Pull {
				return cli.Usage(errors.New("--storm kills instances, and --pull allows none to be killed: leave one of them out"))
			}
			if objects < demo.Fewest || objects > demo.Most {
				return cli.Usage(fmt.Errorf("--objects %d: want %d to %d", objects, demo.Fewest, demo.Most))
			}
			if err := on.Check(); err != nil {
				return cli.Usage(err)
			}
			dir, err := reportDir(keep)
			if err != nil {
				return err
			}
			out, text := c.OutOrStdout(), c.OutOrStdout()
			if asJSON {
				text = c.ErrOrStderr()
			}
			var sum any
			if stormy {
				sum, err = storm.Run(c.Context(), storm.Options{Length: length, Objects: objects, Dir: dir, StandIns: on}, text)
			} else {
				sum, err = demo.Run(c.Context(), demo.Options{Objects: objects, Dir: dir, StandIns: on}, text)
			}
			if asJSON && (err == nil || errors.Is(err, outcome.ErrDiffers)) {
				if jerr := json.NewEncoder(out).Encode(sum); jerr != nil {
					return jerr
				}
			}
			return demoFailed(c.Context(), err)
		},
	}
	c.Flags().IntVar(&objects, "objects", 2000, fmt.Sprintf("how many objects the bucket has; with --storm each of the two about, and %d unless it is given", storm.Objects))
	c.Flags().Uint64Var(&on.Seed, "seed", 1, "what the bucket and its faults derive from; with --storm a new one unless it is given")
	c.Flags().DurationVar(&length, "storm", 0, "have a storm rage for so long, as `10m`")
	c.Flags().StringVar(&on.Platform, "platform", standins.InProcess, "where the work is done: process, fc (Function Compute) or lambda (AWS Lambda)")
	c.Flags().StringVar(&on.Functions, "functions", "", "directory of built functions (default: build them from the source around)")
	c.Flags().BoolVar(&on.ZeroCounts, "zero-counts", false, "with --platform fc: MNS tells 0 for the number of messages of every queue, as it is announced to")
	c.Flags().BoolVar(&on.SerialStreams, "serial-streams", false, "with --platform fc: each event stream delivers one message at a time")
	c.Flags().BoolVar(&on.Pull, "pull", false, "with --platform fc: copy tasks come by the pull function alone, which a timer starts, and by no stream; no instance is killed then, for its messages come again only after minutes")
	c.Flags().BoolVar(&asJSON, "json", false, "end with the summary as one line of JSON on standard output; all else goes to standard error")
	c.Flags().StringVar(&keep, "keep", "", "directory to leave the report in (default: a new one for temporary files)")
	return c
}

// demoFailed makes err one of usage where the functions' executables are missing, and
// cli.ErrInterrupted where ctx ended.
func demoFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return cli.ErrInterrupted
	}
	if _, ok := errors.AsType[standins.MissingError](err); ok {
		return cli.Usage(err)
	}
	return err
}

func reportDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "ferry-demo-")
	}
	return keep, os.MkdirAll(keep, 0o755)
}
