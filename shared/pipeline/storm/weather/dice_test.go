package weather_test

import (
	"testing"

	"kodoferry/shared/pipeline/storm/weather"
)

func TestADrawDependsOnItsNameAlone(t *testing.T) {
	d := weather.Dice{Seed: 7}
	before := d.Draw(1000, "b", 3)
	d.Draw(1000, "a", 3)
	if after := d.Draw(1000, "b", 3); after != before {
		t.Errorf("a draw was %d, and is %d once another was drawn", before, after)
	}
	seen := map[int]int{}
	for i := range 6000 {
		seen[d.Draw(6, "face", i)]++
	}
	for face := range 6 {
		if seen[face] < 800 || seen[face] > 1200 {
			t.Errorf("%d was drawn %d times of 6000, want about 1000", face, seen[face])
		}
	}
}
