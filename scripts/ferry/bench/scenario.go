package bench

import (
	"fmt"
	"time"

	"kodoferry/shared/task"
)

// program is the name of a program that is measured.
type program string

const (
	programFerry  program = "ferry"
	programBare   program = "bare"
	programHashed program = "hashed"

	ProgramFunctions program = "functions" // of package platform
)

// stage is the part of a migration that a scenario measures.
type stage string

const (
	stageCopy   stage = "copy"   // all of it
	stageList   stage = "list"   // List tasks alone
	stageVerify stage = "verify" // Verify tasks alone, of a run whose List tasks were done before
	stageReread stage = "reread" // a verification that reads what a run has copied before
	stageFirst  stage = "first"  // the beginning of a migration, until all have work
)

// tasks is the stage of the tasks that a stage does alone.
func (s stage) tasks() task.Stage {
	if s == stageVerify {
		return task.Verifying
	}
	return task.Listing
}

// moves reports whether bytes of objects are what the stage is about.
func (s stage) moves() bool { return s == stageCopy || s == stageReread }

// programs are those that are measured, in the order of the turns. Ferry's turns are next
// to those of all others.
func (s scenario) programs() []program {
	switch {
	case s.stage == stageFirst:
		return []program{programFerry, ProgramFunctions}
	case s.stage.moves() && (s.away == nil || s.away.rate > 0):
		return []program{programBare, programFerry, programHashed}
	}
	return []program{programBare, programFerry} // no bytes are hashed, or few beside the distance
}

// scenario is a workload and what its figures should be.
type scenario struct {
	name     string
	objects  int
	size     int64 // bytes of each
	parallel int   // objects at a time; 0: Ferry's default, and the best of widths for the floors
	stage    stage
	away     *distance // nil where the services are next to this machine
	full     bool      // the target holds every key, unchanged
	rows     bool      // an earlier run left a row for every key
	md5      bool      // the source lists each object's MD5, as Kodo does of what was uploaded as a form, by which its SDKs upload what is small
	goals    []goal
}

// distance is what lies between this machine and the services.
type distance struct {
	kodo, oss time.Duration // before each answer
	rate      int64         // bytes a second of each connection, each way; 0 for any
}

// far is how far the services are in scenarios that are named so.
var far = distance{kodo: 40 * time.Millisecond, oss: 20 * time.Millisecond}

// First is the scenario that needs the functions' executables.
const First = "first"

// widths are how many objects, or ranges of a listing, bare has under way at a time
// where the services are far; the best counts.
var widths = []int{64, 256, 1024}

// scenarios are all of them, with the project's goals on two cores.
var scenarios = []scenario{
	{name: "small", objects: 20_000, size: 8 << 10, parallel: 64, stage: stageCopy, md5: true, goals: []goal{
		goalOfBare(0.90),
		{"times bare's processor time an object", "%.2f", func(r Result) Spread { return r.OfBare.CPU }, 1.35, false},
		goalMemory,
	}},
	{name: "large", objects: 24, size: 64 << 20, parallel: 4, stage: stageCopy, goals: []goal{
		goalOfBare(0.80),
		{"of hashed's rate", "%.2f", func(r Result) Spread { return r.OfHashed.Objects }, 0.92, true},
		goalMemory,
	}},
	{name: "list", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, goals: []goal{goalKey(8), goalMemory}},
	{name: "join", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, full: true, md5: true, goals: []goal{goalKey(25), goalMemory}},
	{name: "delta", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageList, full: true, rows: true, goals: []goal{goalKey(34), goalMemory}},
	{name: "reread", objects: 24, size: 64 << 20, parallel: 4, stage: stageReread, goals: []goal{
		{"of the rate of hashed without its PUT", "%.2f", func(r Result) Spread { return r.OfHashed.Objects }, 0.90, true},
		goalMemory,
	}},
	{name: "verify", objects: 2_000_000, size: 8 << 10, parallel: 64, stage: stageVerify, full: true, md5: true, goals: []goal{goalKey(30), goalMemory}},
	{name: "far-small", objects: 40_000, size: 8 << 10, stage: stageCopy, away: &far, md5: true, goals: []goal{
		goalOfBare(0.85),
		{"times what 64 at a time could do at best", "%.1f", func(r Result) Spread { return exactly(r.Ferry.Objects * (far.kodo + far.oss).Seconds() / 64) }, 2, true},
		goalMemory,
	}},
	{name: "far-large", objects: 32, size: 64 << 20, stage: stageCopy, away: &distance{far.kodo, far.oss, 20 << 20}, goals: []goal{goalOfBare(0.95), goalMemory}},
	{name: "far-list", objects: 2_000_000, size: 8 << 10, stage: stageList, away: &far, goals: []goal{goalOfBare(0.95), goalMemory}},
	{name: First, objects: 10_000_000, size: 8 << 10, stage: stageFirst, away: &far, md5: true, goals: []goal{
		{"until the first object is in the target", "%.2f s", func(r Result) Spread { return r.First.Process.Object }, 10 * far.kodo.Seconds(), false},
		{"from the first page on until 32 ranges are listed side by side", "%.2f s", func(r Result) Spread { return r.First.Process.Ranges }, 5 * far.kodo.Seconds(), false},
		{"until 100 instances copy", "%.1f s", func(r Result) Spread { return r.First.Platform.Instances }, 30, false},
	}},
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
	figure func(Result) Spread
	limit  float64
	least  bool
}

var goalMemory = goal{"MiB of memory at its peak", "%.0f", func(r Result) Spread { return exactly(r.Ferry.RSS) }, 256, false}

func goalKey(limit float64) goal {
	return goal{"µs of processor a key", "%.1f", func(r Result) Spread { return exactly(r.Ferry.CPU) }, limit, false}
}

func goalOfBare(limit float64) goal {
	return goal{"of bare's rate", "%.2f", func(r Result) Spread { return r.OfBare.Objects }, limit, true}
}

// met reports whether v reaches the goal. What was not reached in every turn has no median.
func (g goal) met(v Spread) bool {
	return g.least && v.Median >= g.limit || !g.least && v.Median > 0 && v.Median <= g.limit
}

// sentence returns the figure of r with the goal, as a line.
func (g goal) sentence(r Result) string {
	v := g.figure(r)
	mark, bound := "✗", "at most "
	if g.met(v) {
		mark = "✓"
	}
	if g.least {
		bound = "at least "
	}
	return fmt.Sprintf("%s %s %s (want %s"+g.format+")", mark, v.text(g.format), g.what, bound, g.limit)
}
