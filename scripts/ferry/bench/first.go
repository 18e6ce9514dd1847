package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/task"
)

// What the scenario first waits for.
const (
	FirstRanges    = 32  // listed side by side
	FirstInstances = 100 // that copy
	FirstDeadline  = 2 * time.Minute
)

// Began says how many seconds after its start a run did something for the first time; 0: never.
type Began struct {
	Listing   float64 `json:"listing_s,omitzero"`   // asked for a page
	Object    float64 `json:"object_s,omitzero"`    // had an object in the target
	Ranges    float64 `json:"ranges_s,omitzero"`    // listed FirstRanges ranges side by side
	Instances float64 `json:"instances_s,omitzero"` // had FirstInstances instances copy
}

// Firsts is what the scenario first measures.
type Firsts struct {
	Process    Reached `json:"process"`             // of ferry copy
	Platform   Reached `json:"platform,omitzero"`   // of the functions, on the stand-in of their platform
	Unmeasured string  `json:"unmeasured,omitzero"` // why the functions were not measured
}

// Reached are seconds: zero where it was not reached in FirstDeadline in every turn.
type Reached struct {
	Object    Spread `json:"object_s,omitzero"`    // from the start until the first object was in the target
	Ranges    Spread `json:"ranges_s,omitzero"`    // from the first page on until FirstRanges ranges were listed side by side
	Instances Spread `json:"instances_s,omitzero"` // from the start until FirstInstances instances copied
}

// reached returns what several turns reached.
func reached(turns []Measurement) Reached {
	all := func(f func(Began) float64) Spread {
		var figures []float64
		for _, r := range turns {
			figures = append(figures, f(r.Began))
		}
		if slices.Min(figures) == 0 {
			return Spread{}
		}
		return spread(figures)
	}
	return Reached{
		Object: all(func(b Began) float64 { return b.Object }),
		Ranges: all(func(b Began) float64 {
			if b.Ranges == 0 {
				return 0
			}
			return b.Ranges - b.Listing
		}),
		Instances: all(func(b Began) float64 { return b.Instances }),
	}
}

// text describes what was reached, as lines of a table.
func (f Firsts) text() string {
	w := &strings.Builder{}
	line := func(what string, s Spread) {
		fmt.Fprintf(w, "  %-58s %s\n", what, s.text("%.2f s"))
	}
	for _, by := range []struct {
		name string
		r    Reached
	}{{"ferry copy", f.Process}, {"functions", f.Platform}} {
		if by.name == "functions" && f.Unmeasured != "" {
			fmt.Fprintf(w, "  functions are not measured: %s\n", f.Unmeasured)
			continue
		}
		line(by.name+": the first object is in the target", by.r.Object)
		line(fmt.Sprintf("%s: %d ranges are listed, from the first page on", by.name, FirstRanges), by.r.Ranges)
		if by.name == "functions" {
			line(fmt.Sprintf("%s: %d instances copy", by.name, FirstInstances), by.r.Instances)
		}
	}
	return w.String()
}

// begins measures the beginning of a run, which it ends once there is no more to see. It
// is safe for concurrent use.
type begins struct {
	meter *meter
	over  func(why error) // ends the run

	mu     sync.Mutex
	listed int // ranges that are listed now
	began  Began
}

// set sets what began now, unless it has begun before.
func (b *begins) set(at *float64) {
	if *at == 0 {
		*at = b.meter.since(reading{}).Seconds
	}
	if b.began.Object > 0 && b.began.Ranges > 0 {
		b.over(errMeasured)
	}
}

// watch sees the first object.
func (b *begins) watch(e watch.Progress) {
	if e.Kind != watch.Settled || e.Row.State != ledger.Copied {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(&b.began.Object)
}

// task sees the beginning of a task, and by the function that it returns its end.
func (b *begins) task(t task.Task) (end func()) {
	if t.Kind != task.List {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(&b.began.Listing)
	if b.listed++; b.listed == FirstRanges {
		b.set(&b.began.Ranges)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listed--
	}
}

// measureFirst runs both programs of the scenario first.
func (b *session) measureFirst(ctx context.Context) (Result, error) {
	result := b.result()
	result.First.Unmeasured = b.options.Unbuilt
	turns := map[program][]Measurement{}
	for n := range b.options.Runs {
		for _, p := range []program{programFerry, ProgramFunctions} {
			b.step(fmt.Sprintf("%s, %d of %d", p, n+1, b.options.Runs))
			if p == ProgramFunctions && b.options.Unbuilt != "" {
				continue
			}
			r, err := b.turn(ctx, p, n+1)
			if err != nil {
				return result, fmt.Errorf("%s: %w", p, err)
			}
			turns[p] = append(turns[p], r)
		}
	}
	result.First.Process = reached(turns[programFerry])
	if len(turns[ProgramFunctions]) > 0 {
		result.First.Platform = reached(turns[ProgramFunctions])
	}
	return result, nil
}
