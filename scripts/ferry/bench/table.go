package bench

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
)

// String returns r as a table for people, with every goal.
func (r Result) String() string {
	w := &strings.Builder{}
	unit := "object"
	if r.of.stage != stageCopy {
		unit = "key"
	}
	fmt.Fprintf(w, "%s: %s\n", r.Scenario, r.of.text())
	fmt.Fprintf(w, "  %-12s %10s %10s %14s %12s\n", "", unit+"s/s", "MiB/s", "CPU µs/"+unit, "peak memory")
	line := func(name string, f Figures) {
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
	ratio := func(name string, f Figures) {
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
	return w.String()
}

// text returns the workload of s in words.
func (s scenario) text() string {
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
