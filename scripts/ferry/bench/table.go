package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
)

// String returns r as a table for people, with every goal.
func (r Result) String() string {
	w := &strings.Builder{}
	fmt.Fprintf(w, "%s: %s\n", r.Scenario, r.of.text())
	if r.of.stage == stageFirst {
		w.WriteString(r.First.text())
	} else {
		r.figures(w)
	}
	for _, g := range r.of.goals {
		fmt.Fprintf(w, "  %s\n", g.sentence(r))
	}
	if r.of.stage == stageCopy {
		fmt.Fprintf(w, "  the copying alone, without the listing before: %s objects/s, %s µs each\n", digits(r.copying.Objects), digits(r.copying.CPU))
		fmt.Fprintf(w, "  up to the report, with all verified: %s objects/s, %s µs each\n", digits(r.complete.Objects), digits(r.complete.CPU))
	}
	w.WriteString("\n")
	return w.String()
}

// figures writes a line for each program, and for each of Ferry's ratios.
func (r Result) figures(w *strings.Builder) {
	unit, thing := "object", "objects"
	if !r.of.stage.moves() {
		unit, thing = "key", "ranges"
	}
	fmt.Fprintf(w, "  %-12s %22s %10s %22s %22s\n", "", unit+"s/s", "MiB/s", "CPU µs/"+unit, "peak memory")
	line := func(name string, f Figures) {
		moved := "" // a listing moves no content
		if r.of.stage.moves() {
			moved = digits(f.MiB)
		}
		fmt.Fprintf(w, "  %-12s %22s %10s %22s %18.0f MiB\n", name, digits(f.Objects), moved, digits(f.CPU), f.RSS)
	}
	ratio := func(name string, s Ratios) {
		fmt.Fprintf(w, "  %-12s %22s %10s %22s %22s\n", "ferry/"+name, s.Objects.text("%.2f"), "", s.CPU.text("%.2f"), s.RSS.text("%.2f"))
	}
	hashed := slices.Contains(r.of.programs(), programHashed)
	line("ferry", r.Ferry)
	line("bare", r.Bare)
	if hashed {
		line("hashed", r.Hashed)
	}
	ratio("bare", r.OfBare)
	if hashed {
		ratio("hashed", r.OfHashed)
	}
	if r.BareAt > 0 {
		var tried []string
		for _, t := range r.Trials {
			tried = append(tried, fmt.Sprintf("%s: %s %ss/s", humanize.Comma(int64(t.Parallel)), digits(t.Objects), unit))
		}
		fmt.Fprintf(w, "  bare has %s %s at a time, the best of %s\n", humanize.Comma(int64(r.BareAt)), thing, strings.Join(tried, ", "))
	}
}

// text returns the workload of s in words.
func (s scenario) text() string {
	return s.work() + s.away.text()
}

// text returns what lies between, in words, behind a comma.
func (d *distance) text() string {
	if d == nil {
		return ""
	}
	text := fmt.Sprintf(", %v before each answer of Kodo, %v of OSS", d.kodo, d.oss)
	if d.rate > 0 {
		text += fmt.Sprintf(", each connection at %s/s", words.Size(d.rate))
	}
	return text
}

// work returns what is to be done, in words.
func (s scenario) work() string {
	n, atOnce := humanize.Comma(int64(s.objects)), ", as many at a time as Ferry likes"
	if s.parallel > 0 {
		atOnce = fmt.Sprintf(", %d at a time", s.parallel)
	}
	each := words.Count(int64(s.objects), "object", "objects") + " of " + words.Size(s.size)
	switch {
	case s.stage == stageCopy:
		return each + atOnce
	case s.stage == stageReread:
		return each + ", copied before, read in the target by ferry verify" + atOnce
	case s.stage == stageVerify:
		return n + " keys on both sides, verified"
	case s.stage == stageFirst:
		return n + " keys, from the start until all have work"
	case s.full:
		return n + " keys, all of them in the target, unchanged"
	}
	return n + " keys, the target empty"
}

// digits writes a figure with three significant digits, or all before the point.
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
