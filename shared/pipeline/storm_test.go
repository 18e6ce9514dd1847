package pipeline_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/pipeline/storm"
)

var (
	stormSeeds = flag.Int("seeds", 200, "how many storms")
	stormFirst = flag.Uint64("first", 1, "the seed of the first storm")
	stormSeed  = flag.Uint64("seed", 0, "the seed of one storm alone")
)

func TestSeededStorm(t *testing.T) {
	if *stormSeed != 0 {
		o := storm.Run(t, storm.Plan{Seed: *stormSeed}, true)
		t.Log(strings.Join(o.Journal, "\n"))
		if o.Failure != "" {
			t.Fatal(o.Failure)
		}
		return
	}
	begun := time.Now()
	steps := 0
	for seed := *stormFirst; seed < *stormFirst+uint64(*stormSeeds); seed++ {
		o := storm.Run(t, storm.Plan{Seed: seed}, false)
		steps += o.Steps
		if o.Failure != "" {
			t.Errorf("seed %d: %s", seed, o.Failure)
		}
	}
	t.Logf("%d steps in %v", steps, time.Since(begun))
}

func TestASeededStormRepeatsToTheLetter(t *testing.T) {
	for seed := uint64(1); seed <= uint64(*stormSeeds/5); seed++ {
		one, two := storm.Run(t, storm.Plan{Seed: seed}, true), storm.Run(t, storm.Plan{Seed: seed}, true)
		for i, line := range one.Journal {
			if i >= len(two.Journal) || line != two.Journal[i] {
				t.Errorf("seed %d, run twice, differs:\n%s\n%s", seed, line, strings.Join(two.Journal[i:min(i+1, len(two.Journal))], ""))
				break
			}
		}
	}
}
