// Package bench measures Ferry beside two programs that do less, the floors, over
// stand-ins for both clouds. Start with Run: it starts the stand-ins and every program as
// processes of their own, `ferry emulate` and `ferry bench-run`, one scenario after
// the other.
//
//	scenario.go   the workloads and their goals
//	figures.go    what turns come to: medians, and ratios pair by pair
//	session.go    one scenario: stand-ins, warm-up, the programs in turn (child.go)
//	rows.go       the rows that an earlier run left, for scenarios that begin with them
//	program.go    the other end of a child: runs a program and measures its process (usage_*.go)
//	ferry.go      the program ferry: what `ferry copy` does, or one stage of it
//	reread.go     the same: what ferry verify --mode read does
//	floor.go      the programs bare and hashed
//	first.go      how soon a run has all at work; package platform does it with functions
//	table.go      the figures as text
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options says what is measured.
type Options struct {
	Scenarios []string
	Runs      int            // of each program; the medians count
	Scale     float64        // multiplies the number of objects
	Delay     *time.Duration // before each answer of either side, in scenarios with distance; nil: their own
	Functions string         // the directory of the functions' executables, for the scenario first
	Unbuilt   string         // why there are none: the scenario goes without
	Profiles  string         // the directory for processor profiles of every run and of the stand-ins; "" for none
}

// MirrorPrefix is where the target holds a copy of the source's listing, in scenarios
// that begin with one.
const MirrorPrefix = "mirror/"

// Check returns every mistake in o, in the words of the flags.
func (o Options) Check() error {
	var wrong []error
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			wrong = append(wrong, fmt.Errorf("--scenario %q: want some of %s", name, strings.Join(Names(), ", ")))
		}
	}
	if len(o.Scenarios) == 0 {
		wrong = append(wrong, fmt.Errorf("--scenario: want some of %s", strings.Join(Names(), ", ")))
	}
	if o.Runs < 1 || o.Runs > 99 {
		wrong = append(wrong, fmt.Errorf("--runs %d: want 1 to 99", o.Runs))
	}
	if !(o.Scale > 0 && o.Scale <= 100) {
		wrong = append(wrong, fmt.Errorf("--scale %v: want a number above 0, up to 100", o.Scale))
	}
	if o.Delay != nil && (*o.Delay < 0 || *o.Delay > maxDelay) {
		wrong = append(wrong, fmt.Errorf("--delay %v: want 0s to %v", *o.Delay, maxDelay))
	}
	return errors.Join(wrong...)
}

// maxDelay is how long the stand-ins may wait before an answer: Ferry's own waits are longer.
const maxDelay = 2 * time.Second

// Run measures all scenarios of o, which Check has found right. It calls step at the
// beginning of each step, o.Steps times in all.
func Run(ctx context.Context, o Options, step func(scenario, what string)) ([]Result, error) {
	var results []Result
	for _, s := range scenarios {
		if !slices.Contains(o.Scenarios, s.name) {
			continue
		}
		s.objects = max(1, int(float64(s.objects)*o.Scale+0.5))
		if o.Delay != nil && s.away != nil {
			s.away = &distance{*o.Delay, *o.Delay, s.away.rate}
			s.goals = nil // they are of the scenario's own distance
		}
		r, err := s.measure(ctx, o, func(what string) { step(s.name, what) })
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", s.name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// Steps returns how often Run calls step.
func (o Options) Steps() (n int64) {
	for _, s := range scenarios {
		for _, wanted := range o.Scenarios {
			if s.name != wanted {
				continue
			}
			n += int64(2 + len(s.programs())*o.Runs) // the stand-ins, the warm-up
			if s.rows || s.away != nil && s.stage != stageFirst {
				n++
			}
		}
	}
	return n
}
