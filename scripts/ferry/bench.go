package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// benchOptions are the flags of `ferry bench`.
type benchOptions struct {
	json      bool
	scenarios []string
	runs      int
	scale     float64
	profiles  string
}

func benchCommand() *cobra.Command {
	var o benchOptions
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
			return runBench(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "one array of JSON instead of a table")
	f.StringSliceVar(&o.scenarios, "scenario", benchNames(), "which to run, separated by commas")
	f.IntVar(&o.runs, "runs", 3, "turns of each program; the medians count")
	f.Float64Var(&o.scale, "scale", 1, "so many times the objects")
	f.StringVar(&o.profiles, "profiles", "", "write a processor profile of every run, and of the stand-ins, into this directory")
	_ = f.MarkHidden("profiles") // it is defined above
	return c
}

// check names every mistake in o at once.
func (o benchOptions) check() error {
	var wrong []error
	for _, name := range o.scenarios {
		if !slices.Contains(benchNames(), name) {
			wrong = append(wrong, fmt.Errorf("--scenario %q: want some of %s", name, strings.Join(benchNames(), ", ")))
		}
	}
	if len(o.scenarios) == 0 {
		wrong = append(wrong, fmt.Errorf("--scenario: want some of %s", strings.Join(benchNames(), ", ")))
	}
	if o.runs < 1 || o.runs > 99 {
		wrong = append(wrong, fmt.Errorf("--runs %d: want 1 to 99", o.runs))
	}
	if !(o.scale > 0 && o.scale <= 100) {
		wrong = append(wrong, fmt.Errorf("--scale %v: want a number above 0, up to 100", o.scale))
	}
	if err := errors.Join(wrong...); err != nil {
		return usageError{err}
	}
	return nil
}

func runBench(ctx context.Context, o benchOptions, out, errOut io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	show := newBenchProgress(errOut, o)
	defer show.stop()
	var results []benchResult
	for _, s := range benchScenarios {
		if !slices.Contains(o.scenarios, s.name) {
			continue
		}
		s.objects = max(1, int(float64(s.objects)*o.scale+0.5))
		r, err := s.measure(ctx, o, show)
		if err != nil {
			return fmt.Errorf("scenario %s: %w", s.name, err)
		}
		results = append(results, r)
	}
	show.stop()
	if o.json {
		return json.NewEncoder(out).Encode(results)
	}
	var text strings.Builder
	for _, r := range results {
		r.print(&text)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
