package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
)

// benchSpec is what a measured program is told, on its standard input.
type benchSpec struct {
	Stage    benchStage `json:"stage"`
	Objects  int64      `json:"objects"`
	Bytes    int64      `json:"bytes"`
	Parallel int        `json:"parallel"`       // objects at a time
	Both     bool       `json:"both,omitempty"` // a floor lists both sides
	Source   string     `json:"source"`
	Target   string     `json:"target"`
	Ledger   string     `json:"ledger"`
	Job      string     `json:"job,omitempty"`
	Download string     `json:"download,omitempty"` // URL before a key
	Upload   string     `json:"upload,omitempty"`
	Keys     []string   `json:"keys,omitempty"` // for floors that copy
}

// benchRunCommand is one measured program: `ferry bench` starts it again and
// again. It reads a benchSpec and prints a benchRun.
func benchRunCommand() *cobra.Command {
	profile := ""
	c := &cobra.Command{
		Use: "bench-run PROGRAM", Short: "One program of ferry bench, which starts it", Hidden: true, Args: exactly("PROGRAM"),
		RunE: func(c *cobra.Command, args []string) error {
			var spec benchSpec
			in := c.InOrStdin()
			if err := json.NewDecoder(in).Decode(&spec); err != nil {
				return usageError{fmt.Errorf("bench-run is started by ferry bench, which tells it what to do: %w", err)}
			}
			stop, err := profiled(profile)
			if err != nil {
				return err
			}
			r, err := measureProgram(untilEOF(c.Context(), in), benchProgram(args[0]), spec)
			if err := errors.Join(err, stop()); err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(r)
		},
	}
	c.Flags().StringVar(&profile, "cpuprofile", "", "write a processor profile to this file")
	return c
}

// profiled begins a profile; "" makes none.
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

// measureProgram does what spec says, and measures it.
func measureProgram(ctx context.Context, p benchProgram, spec benchSpec) (benchRun, error) {
	r := benchRun{Objects: spec.Objects, Bytes: spec.Bytes}
	m, err := newMeter()
	if err != nil {
		return r, err
	}
	switch {
	case p == programFerry:
		err = benchFerry(ctx, spec, m, &r)
	case spec.Stage == stageCopy:
		err = newFloor(spec, p == programHashed).copyAll(ctx)
	default:
		r.Objects, err = listFloor(ctx, spec)
	}
	if err != nil {
		return r, err
	}
	if r.Measured == (span{}) {
		r.Measured = m.since(reading{})
	}
	r.RSS, err = peakMemory()
	return r, errors.Join(err, m.err)
}

// meter tells how long this process has worked and what it used.
type meter struct {
	begun reading
	err   error
}

// reading is wall clock and processor time at one moment.
type reading struct {
	at  time.Time
	cpu time.Duration
}

func newMeter() (*meter, error) {
	m := &meter{}
	m.begun = m.read()
	return m, m.err
}

func (m *meter) read() reading {
	cpu, err := processorTime()
	m.err = errors.Join(m.err, err)
	return reading{time.Now(), cpu}
}

// since is the stretch from a reading, zero is the beginning, until now.
func (m *meter) since(from reading) span {
	if from.at.IsZero() {
		from = m.begun
	}
	now := m.read()
	return span{Seconds: now.at.Sub(from.at).Seconds(), CPU: (now.cpu - from.cpu).Seconds()}
}
