package main

import (
	"fmt"
	"math"
	"slices"
)

// benchProgram is a program that is measured.
type benchProgram string

const (
	programFerry  benchProgram = "ferry"
	programBare   benchProgram = "bare"
	programHashed benchProgram = "hashed"
)

// benchStage is what of a migration a scenario runs.
type benchStage string

const (
	stageCopy   benchStage = "copy"   // all of it
	stageList   benchStage = "list"   // List tasks alone
	stageVerify benchStage = "verify" // Verify tasks alone, of a run whose List tasks were done before
)

// benchScenario is one thing to measure.
type benchScenario struct {
	name     string
	objects  int
	size     int64 // bytes of each
	parallel int   // objects at a time
	stage    benchStage
	full     bool // the target holds every key, unchanged
	md5      bool // the source lists each object's MD5, as Kodo does of what was uploaded as a form, by which its SDKs upload what is small
	goals    []benchGoal
}

// The scenarios and their targets on two cores, as the project set them.
var benchScenarios = []benchScenario{
	{name: "small", objects: 20_000, size: 8 << 10, parallel: 64, stage: stageCopy, md5: true, goals: []benchGoal{
		{"of bare in objects/s", "%.2f", func(r benchResult) float64 { return r.Ferry.Objects / r.Bare.Objects }, 0.80, true},
		{"times bare's processor time an object", "%.2f", func(r benchResult) float64 { return r.Ferry.CPU / r.Bare.CPU }, 1.50, false},
		goalMemory,
	}},
	{name: "large", objects: 24, size: 64 << 20, parallel: 4, stage: stageCopy, goals: []benchGoal{
		{"of hashed in MiB/s", "%.2f", func(r benchResult) float64 { return r.Ferry.MiB / r.Hashed.MiB }, 0.92, true},
		goalMemory,
	}},
	{name: "list", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, goals: []benchGoal{goalKey(8), goalMemory}},
	{name: "join", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, full: true, goals: []benchGoal{goalKey(25), goalMemory}},
	{name: "verify", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageVerify, full: true, goals: []benchGoal{goalKey(30), goalMemory}},
}

func benchNames() (names []string) {
	for _, s := range benchScenarios {
		names = append(names, s.name)
	}
	return names
}

// benchGoal is a target: a figure that must be at least, or at most, a limit.
type benchGoal struct {
	what   string
	format string
	figure func(benchResult) float64
	limit  float64
	least  bool
}

var goalMemory = benchGoal{"MiB of memory at its peak", "%.0f", func(r benchResult) float64 { return r.Ferry.RSS }, 256, false}

func goalKey(limit float64) benchGoal {
	return benchGoal{"µs of processor a key", "%.1f", func(r benchResult) float64 { return r.Ferry.CPU }, limit, false}
}

func (g benchGoal) met(r benchResult) bool {
	v := g.figure(r)
	return g.least && v >= g.limit || !g.least && v <= g.limit
}

func (g benchGoal) sentence(r benchResult) string {
	mark, bound := "✗", "at most "
	if g.met(r) {
		mark = "✓"
	}
	if g.least {
		bound = "at least "
	}
	return fmt.Sprintf("%s "+g.format+" %s (want %s"+g.format+")", mark, g.figure(r), g.what, bound, g.limit)
}

// benchFigures are what is told of one program: medians of its runs.
type benchFigures struct {
	Objects float64 `json:"objects_per_s"`
	MiB     float64 `json:"mib_per_s"`         // of content
	CPU     float64 `json:"cpu_us_per_object"` // user and system time of its process alone
	RSS     float64 `json:"rss_mib"`           // resident memory of its process at the peak
}

// benchResult is one scenario measured.
type benchResult struct {
	Scenario string       `json:"scenario"`
	Ferry    benchFigures `json:"ferry"`
	Bare     benchFigures `json:"bare"`
	Hashed   benchFigures `json:"hashed"`

	of       benchScenario
	copying  benchFigures // of Ferry from its first copy on, without the listing; zero where nothing is copied
	complete benchFigures // of Ferry until its report, verification included
}

// span is a stretch of work, as a measured program tells it.
type span struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // user and system
}

// benchRun is what a measured program prints: one line.
type benchRun struct {
	Objects  int64   `json:"objects"`
	Bytes    int64   `json:"bytes"`
	Measured span    `json:"measured"`
	Copying  span    `json:"copying,omitzero"`
	Complete span    `json:"complete,omitzero"`
	RSS      float64 `json:"rss_mib"`
}

// figures turns one stretch of several runs into their medians.
func figures(runs []benchRun, which func(benchRun) span) benchFigures {
	middle := func(f func(benchRun, span) float64) float64 {
		var all []float64
		for _, r := range runs {
			all = append(all, f(r, which(r)))
		}
		return median(all)
	}
	return benchFigures{
		Objects: middle(func(r benchRun, s span) float64 { return float64(r.Objects) / s.Seconds }),
		MiB:     middle(func(r benchRun, s span) float64 { return float64(r.Bytes) / (1 << 20) / s.Seconds }),
		CPU:     middle(func(r benchRun, s span) float64 { return s.CPU * 1e6 / float64(r.Objects) }),
		RSS:     middle(func(r benchRun, _ span) float64 { return r.RSS }),
	}
}

// median returns the middle of all, to three digits behind the point.
func median(all []float64) float64 {
	slices.Sort(all)
	n := len(all)
	m := (all[(n-1)/2] + all[n/2]) / 2
	return math.Round(m*1000) / 1000
}
