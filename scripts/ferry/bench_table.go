package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"kodoferry/scripts/ferry/words"
)

// print tells a result for a person.
func (r benchResult) print(w *strings.Builder) {
	unit := "object"
	if r.of.stage != stageCopy {
		unit = "key"
	}
	fmt.Fprintf(w, "%s: %s\n", r.Scenario, r.of.words())
	fmt.Fprintf(w, "  %-12s %10s %10s %14s %12s\n", "", unit+"s/s", "MiB/s", "CPU µs/"+unit, "peak memory")
	line := func(name string, f benchFigures) {
		moved := "" // a listing moves no content
		if r.of.stage == stageCopy {
			moved = digits(f.MiB)
		}
		fmt.Fprintf(w, "  %-12s %10s %10s %14s %8.0f MiB\n", name, digits(f.Objects), moved, digits(f.CPU), f.RSS)
	}
	line("ferry", r.Ferry)
	line("bare", r.Bare)
	if r.of.stage == stageCopy {
		line("hashed", r.Hashed)
	}
	ratio := func(name string, f benchFigures) {
		fmt.Fprintf(w, "  %-12s %10.2f %10s %14.2f %12.2f\n", "ferry/"+name, r.Ferry.Objects/f.Objects, "", r.Ferry.CPU/f.CPU, r.Ferry.RSS/f.RSS)
	}
	ratio("bare", r.Bare)
	if r.of.stage == stageCopy {
		ratio("hashed", r.Hashed)
	}
	for _, g := range r.of.goals {
		fmt.Fprintf(w, "  %s\n", g.sentence(r))
	}
	if r.of.stage == stageCopy {
		fmt.Fprintf(w, "  the copying alone, without the listing before: %s objects/s, %s µs each\n", digits(r.copying.Objects), digits(r.copying.CPU))
		fmt.Fprintf(w, "  up to the report, with all verified: %s objects/s, %s µs each\n", digits(r.complete.Objects), digits(r.complete.CPU))
	}
	w.WriteString("\n")
}

// words says what the scenario is.
func (s benchScenario) words() string {
	n := humanize.Comma(int64(s.objects))
	switch {
	case s.stage == stageCopy:
		return fmt.Sprintf("%s of %s, %d at a time", words.Count(int64(s.objects), "object", "objects"), words.Size(s.size), s.parallel)
	case s.stage == stageVerify:
		return n + " keys on both sides, verified"
	case s.full:
		return n + " keys, all of them in the target, unchanged"
	}
	return n + " keys, the target empty"
}

// digits writes a figure with as many digits behind the point as it bears.
func digits(v float64) string {
	switch {
	case v >= 1000:
		return humanize.Comma(int64(v + 0.5))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// benchProgress shows on a terminal what is being measured; elsewhere nothing.
type benchProgress struct {
	bars *mpb.Progress // nil where there is no terminal
	bar  *mpb.Bar
	once sync.Once
	mu   sync.Mutex
	now  string
}

func newBenchProgress(w io.Writer, o benchOptions) *benchProgress {
	p := &benchProgress{}
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(f), mpb.WithRefreshRate(barEvery), mpb.WithWidth(40))
	p.bar = p.bars.New(o.steps()+1, mpb.BarStyle().Lbound(" ").Rbound(" ").Filler("━").Tip("━").Padding("─"),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.now
		})))
	return p
}

// steps is how often step is called, all in all.
func (o benchOptions) steps() (n int64) {
	for _, s := range benchScenarios {
		for _, wanted := range o.scenarios {
			switch {
			case s.name != wanted:
			case s.stage == stageCopy:
				n += int64(2 + 3*o.runs)
			default:
				n += int64(2 + 2*o.runs)
			}
		}
	}
	return n
}

// step says what is begun.
func (p *benchProgress) step(scenario, what string) {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	p.now = scenario + ": " + what
	p.mu.Unlock()
	p.bar.Increment()
}

// stop takes the bar away.
func (p *benchProgress) stop() {
	p.once.Do(func() {
		if p.bars != nil {
			p.bar.Abort(true)
			p.bars.Wait()
		}
	})
}
