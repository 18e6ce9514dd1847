package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/bench/platform"
	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/standins"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	asJSON, delay := false, time.Duration(0)
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure Ferry on this machine beside two programs that do less",
		Long: `Bench measures Ferry against stand-ins for both clouds, beside two floors: what
no program of this transport can do without. The stand-ins run in a process of
their own, and so does each program that is measured: processor time and memory
are its alone. They take turns, and the medians of all turns count.

  ferry    what ferry copy does: lists, copies, proves; with ledger and queue
  bare     pipes each GET into a PUT by net/http, as many at a time; no ledger, no
           queue, no signatures, no listing, no proof
  hashed   bare, with every byte through SHA-1 and CRC64: the price of proof

Scenarios, of which the first have both services next to this machine:
  small      20,000 objects of 8 KiB, 64 at a time
  large      24 objects of 64 MiB, 4 at a time
  list       2,000,000 keys, the target empty: up to the records of all shards
  join       the same with every key in the target, unchanged
  delta      that beside the rows of an earlier run, which has copied every key
  verify     the verification of a join: both listings and the rows side by side
  reread     large, copied before: ferry verify --mode read beside GETs of the target;
             the floors PUT nothing
In these each of Kodo's answers comes 40 ms later and each of OSS's 20 ms, or both so
much as --delay says, and Ferry has the flags that it has by default:
  far-small  40,000 objects of 8 KiB
  far-large  32 objects of 64 MiB, each connection held to 20 MiB/s
  far-list   2,000,000 keys, the target empty: up to the records of all shards
  first      10,000,000 keys: how long until the first object is in the target, until
             32 ranges are listed side by side, and until 100 instances copy, on the
             functions' own binaries and a stand-in of Function Compute

Bare has there the best of 64, 256 and 1,024 objects at a time, in far-list ranges of
equal length whose borders it knows beforehand. A shorter trial before the turns tells
which. Hashed is in far-large alone, and has as many.

Every ratio is taken of two turns next to each other, and is printed as the median of
all turns with the least and the most, so that what else the machine does decides nothing.

For small and large, Ferry's time and processor time run from before its first
request, listing included, until its last object is written off in the ledger; what
is verified meanwhile is in them. Its memory is the peak until the report is written. The floors know their keys
beforehand. For reread it is from the beginning of the verification to its report. For list, join, delta and verify only that stage runs; the floor is the
drivers' listing of the source (of both sides where the target is full), which has
no bytes to hash: hashed is equal to bare. MiB/s are of the objects' content.

The exit code is 0 once all was measured, whether a target is met or not.`,
		Example: `  ferry bench
  ferry bench --scenario small,large --runs 5
  ferry bench --scenario far-small --delay 100ms
  ferry bench --json --scale 0.1 | jq '.[].of_bare'`,
		Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("delay") {
				o.Delay = &delay
			}
			return runBench(c.Context(), o, asJSON, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "one array of JSON instead of a table")
	f.StringSliceVar(&o.Scenarios, "scenario", bench.Names(), "which to run, separated by commas")
	f.IntVar(&o.Runs, "runs", 3, "turns of each program; the medians count")
	f.Float64Var(&o.Scale, "scale", 1, "so many times the objects")
	f.DurationVar(&delay, "delay", 0, "before each answer of both services, in scenarios with distance (default: the scenario's own); no goal is held against it")
	f.StringVar(&o.Functions, "functions", "", "directory of built functions, for first (default: build them from the source around)")
	f.StringVar(&o.Profiles, "profiles", "", "write a processor profile of every run, and of the stand-ins, into this directory")
	_ = f.MarkHidden("profiles") // it is defined above
	return c
}

func runBench(ctx context.Context, o bench.Options, asJSON bool, out, errOut io.Writer) error {
	if err := o.Check(); err != nil {
		return cli.Usage(err)
	}
	if slices.Contains(o.Scenarios, bench.First) {
		w := standins.World{Options: standins.Options{Functions: o.Functions}}
		dir, remove, err := w.Binaries(ctx, func() {})
		defer remove()
		missing, none := errors.AsType[standins.MissingError](err)
		switch {
		case none && o.Functions != "":
			return cli.Usage(err)
		case none:
			o.Unbuilt = missing.Error()
		case err != nil:
			return err
		}
		o.Functions = dir
	}
	step, stop := show.Steps(errOut, o.Steps())
	defer stop()
	results, err := bench.Run(ctx, o, step)
	if err != nil {
		return err
	}
	stop()
	if asJSON {
		return json.NewEncoder(out).Encode(results)
	}
	var text strings.Builder
	for _, r := range results {
		text.WriteString(r.String())
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// benchRunCommand measures one program, for ferry bench: it reads a bench.Spec from its
// standard input and prints a bench.Measurement. It ends when its input does.
func benchRunCommand() *cobra.Command {
	profile := ""
	c := &cobra.Command{
		Use: "bench-run PROGRAM", Short: "One program of ferry bench, which starts it", Hidden: true, Args: cli.Exactly("PROGRAM"),
		RunE: func(c *cobra.Command, args []string) error {
			var spec bench.Spec
			in := c.InOrStdin()
			if err := json.NewDecoder(in).Decode(&spec); err != nil {
				return cli.Usage(fmt.Errorf("bench-run is started by ferry bench, which tells it what to do: %w", err))
			}
			stop, err := profiled(profile)
			if err != nil {
				return err
			}
			measure := spec.Measure
			if args[0] == string(bench.ProgramFunctions) {
				measure = func(ctx context.Context, _ string) (bench.Measurement, error) { return platform.Measure(ctx, spec) }
			}
			r, err := measure(cli.UntilEOF(c.Context(), in), args[0])
			if err := errors.Join(err, stop()); err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(r)
		},
	}
	c.Flags().StringVar(&profile, "cpuprofile", "", "write a processor profile to this file")
	return c
}

// profiled starts a processor profile into the file of that name, none for "". stop
// ends it.
func profiled(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
