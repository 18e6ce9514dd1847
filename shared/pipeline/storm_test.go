package pipeline_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/pipeline/storm"
	"kodoferry/shared/pipeline/storm/shrink"
	"kodoferry/shared/pipeline/storm/weather"
)

var (
	stormSeeds = flag.Int("seeds", defaultSeeds, "how many seeds a storm is made of")
	stormFirst = flag.Uint64("first", 1, "the first of them")
	stormSeed  = flag.String("seed", os.Getenv("FERRY_STORM_SEED"), "the one seed to make a storm of, and to write down each step of (FERRY_STORM_SEED)")
	stormBrief = flag.Bool("brief", false, "leave the corpus out, and tell of a storm that fails what fails alone")
	stormLess  = flag.String("without", "", "kinds of weather to leave out, with commas in between: as lost,doubled")
	stormStop  = flag.Bool("stop", false, "end with the first storm that fails")
)

// TestSeededStorm runs the engine through storms: those of the corpus, and those
// of as many seeds as -seeds says. One that fails is shrunk, and its last steps told.
func TestSeededStorm(t *testing.T) {
	without, err := weather.Parse(*stormLess)
	if err != nil {
		misused(err)
	}
	if *stormSeed != "" {
		seed, err := storm.ParseSeed(*stormSeed)
		if err != nil {
			misused(err)
		}
		o := storm.Run(t, weather.Plan{Seed: seed, Without: without}, true)
		t.Logf("%s\n%s", strings.Join(o.Weather, ", "), strings.Join(o.Journal, "\n"))
		if o.Failure != "" {
			told(t, o)
		}
		return
	}
	if *stormSeeds < 1 || *stormFirst < 1 {
		misused(fmt.Errorf("-seeds is %d and -first %d: both are numbers from 1", *stormSeeds, *stormFirst))
	}
	seeds := make([]uint64, 0, len(storm.Corpus)+*stormSeeds)
	if !*stormBrief {
		for _, j := range storm.Corpus {
			seeds = append(seeds, j.Seed)
		}
	}
	for i := range *stormSeeds {
		seeds = append(seeds, *stormFirst+uint64(i))
	}
	steps, excepted, injected, met, begun := 0, map[string]int{}, map[string]int{}, map[string]int{}, time.Now()
	for i, seed := range seeds {
		o := storm.Run(t, weather.Plan{Seed: seed, Without: without}, false)
		steps += o.Steps
		add(excepted, o.Excepted)
		add(injected, o.Injected)
		add(met, o.Met)
		switch {
		case o.Failure == "":
			continue
		case *stormBrief:
			t.Errorf("seed %d: %s", seed, o.Failure)
		case told(t, o) > mostTold:
			t.Fatalf("%d of %d storms were run: enough of them failed", i+1, len(seeds))
		}
		if *stormStop {
			break
		}
	}
	t.Logf("%d storms, %d steps, %v a storm; excepted: %s; injected: %s; met: %s", len(seeds), steps, time.Since(begun)/time.Duration(len(seeds)), counts(excepted), counts(injected), counts(met))
}

// misused ends the process with the code of wrong usage: no storm was run.
func misused(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// mostTold is how many failures are shrunk and told.
const mostTold = 5

var toldFailures int

// told shrinks a storm that failed and tells of it. It returns how many were told.
func told(t *testing.T, o storm.Outcome) int {
	t.Helper()
	small := shrink.Smaller(t, o, 20*time.Second)
	t.Errorf("seed %d: %s\nshown again by: go test ./shared/pipeline -run SeededStorm -seed %d\nshrunk to %d of %d steps that the seed decides, without %s; its last steps:\n%s",
		o.Plan.Seed, o.Failure, o.Plan.Seed, len(small.Wild), len(o.Wild), strings.Join(slices.Sorted(maps.Keys(small.Plan.Without)), ", "), strings.Join(small.Last(50), "\n"))
	toldFailures++
	return toldFailures
}

func add(to, from map[string]int) {
	for name, n := range from {
		to[name] += n
	}
}

func counts(of map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, name+" "+strconv.Itoa(of[name]))
	}
	return strings.Join(all, ", ")
}

// TestASeededStormRepeatsToTheLetter runs storms twice: a seed that shows something
// once shows it always.
func TestASeededStormRepeatsToTheLetter(t *testing.T) {
	for seed := uint64(1); seed <= uint64(*stormSeeds/8); seed++ {
		one, two := storm.Run(t, weather.Plan{Seed: seed}, true), storm.Run(t, weather.Plan{Seed: seed}, true)
		for i := range max(len(one.Journal), len(two.Journal)) {
			if a, b := line(one, i), line(two, i); a != b {
				t.Errorf("seed %d, run twice, differs:\n%s\n%s", seed, a, b)
				break
			}
		}
	}
}

func line(o storm.Outcome, i int) string {
	if i < len(o.Journal) {
		return o.Journal[i]
	}
	return "it is over"
}

func TestASeedThatIsNoneIsRefused(t *testing.T) {
	for _, seed := range []string{"", "0", "-1", "seven", "1.5", "99999999999999999999"} {
		if _, err := storm.ParseSeed(seed); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", seed)) {
			t.Errorf("ParseSeed(%q) = %v, want an error that names it", seed, err)
		}
	}
	if got, err := storm.ParseSeed("18446744073709551615"); err != nil || got != 1<<64-1 {
		t.Errorf("ParseSeed of the largest seed = %d, %v", got, err)
	}
}

func TestWeatherThatIsNoneIsRefused(t *testing.T) {
	if _, err := weather.Parse("deaths, rain"); err == nil || !strings.Contains(err.Error(), `"rain"`) {
		t.Errorf("Parse = %v, want an error that names rain", err)
	}
	if got, err := weather.Parse("deaths, lost answers"); err != nil || len(got) != 2 {
		t.Errorf("Parse = %v, %v, want two kinds", got, err)
	}
}

var (
	stormJobs = flag.Int("jobs", 10, "how many jobs a long calm has")
	stormDays = flag.Int("days", 2, "how many days it has")
)

// TestManyJobsRunForDays has jobs of one source run side by side for days: each is
// begun by its timer once a day, some follow events, and the source changes.
func TestManyJobsRunForDays(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	if *stormJobs < 1 || *stormDays < 1 {
		t.Fatalf("-jobs is %d and -days %d: both are numbers from 1", *stormJobs, *stormDays)
	}
	begun := time.Now()
	o := storm.Run(t, weather.Plan{Seed: *stormFirst, Long: weather.Long{Jobs: *stormJobs, Days: *stormDays}}, false)
	if o.Failure != "" {
		t.Error(o.Failure)
	}
	if want := *stormJobs * *stormDays; o.Met["runs verified"] < want {
		t.Errorf("%d runs are verified, want a run of each job a day, %d, and those of events", o.Met["runs verified"], want)
	}
	t.Logf("%d jobs in %v: %d steps in %v; excepted: %s; met: %s", *stormJobs, o.Took, o.Steps, time.Since(begun), counts(o.Excepted), counts(o.Met))
}
