package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/bench"
	"kodoferry/scripts/ferry/show"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	asJSON := false
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure Ferry on this machine beside two programs that do less",
		Long: `Bench measures Ferry against stand-ins for both clouds, beside two floors: what
no program of this transport can do without. The stand-ins run in a process of
their own, and so does each program that is measured: processor time and memory
are its alone. The three take turns, and the medians of all turns count.

  ferry    what ferry copy does: lists, copies, proves; with ledger and queue
  bare     pipes each GET into a PUT: equal transport and concurrency; no ledger,
           no queue, no signatures, no listing, no proof
  hashed   bare, with every byte through SHA-1 and CRC64: the price of proof

Scenarios:
  small    20,000 objects of 8 KiB, 64 at a time
  large    24 objects of 64 MiB, 4 at a time
  list     2,000,000 keys, the target empty: up to the records of all shards
  join     the same with every key in the target, unchanged
  verify   the verification of that: both listings and the rows side by side

For small and large, Ferry's time and processor time run from before its first
request, listing included, until its last object is written off in the ledger;
its memory is the peak until the report is written. The floors know their keys
beforehand. For list, join and verify only that stage runs; the floor is the
drivers' listing of the source (of both sides for join and verify), which has
no bytes to hash: hashed is equal to bare. MiB/s are of the objects' content.

The exit code is 0 once all was measured, whether a target is met or not.`,
		Example: `  ferry bench
  ferry bench --scenario small,large --runs 5
  ferry bench --json --scale 0.1 | jq '.[].ferry'`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return runBench(c.Context(), o, asJSON, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "one array of JSON instead of a table")
	f.StringSliceVar(&o.Scenarios, "scenario", bench.Names(), "which to run, separated by commas")
	f.IntVar(&o.Runs, "runs", 3, "turns of each program; the medians count")
	f.Float64Var(&o.Scale, "scale", 1, "so many times the objects")
	f.StringVar(&o.Profiles, "profiles", "", "write a processor profile of every run, and of the stand-ins, into this directory")
	_ = f.MarkHidden("profiles") // it is defined above
	return c
}

func runBench(ctx context.Context, o bench.Options, asJSON bool, out, errOut io.Writer) error {
	if err := o.Check(); err != nil {
		return usageError{err}
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
		Use: "bench-run PROGRAM", Short: "One program of ferry bench, which starts it", Hidden: true, Args: exactly("PROGRAM"),
		RunE: func(c *cobra.Command, args []string) error {
			var spec bench.Spec
			in := c.InOrStdin()
			if err := json.NewDecoder(in).Decode(&spec); err != nil {
				return usageError{fmt.Errorf("bench-run is started by ferry bench, which tells it what to do: %w", err)}
			}
			stop, err := profiled(profile)
			if err != nil {
				return err
			}
			r, err := spec.Measure(untilEOF(c.Context(), in), args[0])
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
