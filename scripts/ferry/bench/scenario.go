package bench

import (
	"fmt"
	"math"
	"slices"
)

// program is the name of a program that is measured.
type program string

const (
	programFerry  program = "ferry"
	programBare   program = "bare"
	programHashed program = "hashed"
)

// stage is the part of a migration that a scenario measures.
type stage string

const (
	stageCopy   stage = "copy"   // all of it
	stageList   stage = "list"   // List tasks alone
	stageVerify stage = "verify" // Verify tasks alone, of a run whose List tasks were done before
)

// scenario is a workload and what its figures should be.
type scenario struct {
	name     string
	objects  int
	size     int64 // bytes of each
	parallel int   // objects at a time
	stage    stage
	full     bool // the target holds every key, unchanged
	md5      bool // the source lists each object's MD5, as Kodo does of what was uploaded as a form, by which its SDKs upload what is small
	goals    []goal
}

// scenarios are all of them, with the project's goals on two cores.
var scenarios = []scenario{
	{name: "small", objects: 20_000, size: 8 << 10, parallel: 64, stage: stageCopy, md5: true, goals: []goal{
		{"of bare in objects/s", "%.2f", func(r Result) float64 { return r.Ferry.Objects / r.Bare.Objects }, 0.80, true},
		{"times bare's processor time an object", "%.2f", func(r Result) float64 { return r.Ferry.CPU / r.Bare.CPU }, 1.50, false},
		goalMemory,
	}},
	{name: "large", objects: 24, size: 64 << 20, parallel: 4, stage: stageCopy, goals: []goal{
		{"of hashed in MiB/s", "%.2f", func(r Result) float64 { return r.Ferry.MiB / r.Hashed.MiB }, 0.92, true},
		goalMemory,
	}},
	{name: "list", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, goals: []goal{goalKey(8), goalMemory}},
	{name: "join", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, full: true, goals: []goal{goalKey(25), goalMemory}},
	{name: "verify", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageVerify, full: true, goals: []goal{goalKey(30), goalMemory}},
}

// Names returns the names of all scenarios.
func Names() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// goal is a figure that should be at least, or at most, a limit.
type goal struct {
	what   string
	format string
	figure func(Result) float64
	limit  float64
	least  bool
}

var goalMemory = goal{"MiB of memory at its peak", "%.0f", func(r Result) float64 { return r.Ferry.RSS }, 256, false}

func goalKey(limit float64) goal {
	return goal{"µs of processor a key", "%.1f", func(r Result) float64 { return r.Ferry.CPU }, limit, false}
}

// met reports whether r reaches the goal.
func (g goal) met(r Result) bool {
	v := g.figure(r)
	return g.least && v >= g.limit || !g.least && v <= g.limit
}

// sentence returns the figure of r with the goal, as a line.
func (g goal) sentence(r Result) string {
	mark, bound := "✗", "at most "
	if g.met(r) {
		mark = "✓"
	}
	if g.least {
		bound = "at least "
	}
	return fmt.Sprintf("%s "+g.format+" %s (want %s"+g.format+")", mark, g.figure(r), g.what, bound, g.limit)
}

// Figures are the medians of the runs of one program.
type Figures struct {
	Objects float64 `json:"objects_per_s"`
	MiB     float64 `json:"mib_per_s"`         // of content
	CPU     float64 `json:"cpu_us_per_object"` // user and system time of its process alone
	RSS     float64 `json:"rss_mib"`           // resident memory of its process at the peak
}

// Result has the figures of one scenario.
type Result struct {
	Scenario string  `json:"scenario"`
	Ferry    Figures `json:"ferry"`
	Bare     Figures `json:"bare"`
	Hashed   Figures `json:"hashed"`

	of       scenario
	copying  Figures // of Ferry from its first Copy task on, without the listing; zero where nothing is copied
	complete Figures // of Ferry until its report, verification included
}

// span is a stretch of time of a measured program.
type span struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // user and system
}

// Measurement is one run of a measured program.
type Measurement struct {
	Objects  int64   `json:"objects"`
	Bytes    int64   `json:"bytes"`
	Measured span    `json:"measured"`
	Copying  span    `json:"copying,omitzero"`
	Complete span    `json:"complete,omitzero"`
	RSS      float64 `json:"rss_mib"`
}

// medians returns the figures of one stretch of several runs.
func medians(runs []Measurement, which func(Measurement) span) Figures {
	middle := func(f func(Measurement, span) float64) float64 {
		var all []float64
		for _, r := range runs {
			all = append(all, f(r, which(r)))
		}
		return median(all)
	}
	return Figures{
		Objects: middle(func(r Measurement, s span) float64 { return float64(r.Objects) / s.Seconds }),
		MiB:     middle(func(r Measurement, s span) float64 { return float64(r.Bytes) / (1 << 20) / s.Seconds }),
		CPU:     middle(func(r Measurement, s span) float64 { return s.CPU * 1e6 / float64(r.Objects) }),
		RSS:     middle(func(r Measurement, _ span) float64 { return r.RSS }),
	}
}

// median returns the middle of all, to three digits behind the point.
func median(all []float64) float64 {
	slices.Sort(all)
	n := len(all)
	m := (all[(n-1)/2] + all[n/2]) / 2
	return math.Round(m*1000) / 1000
}
