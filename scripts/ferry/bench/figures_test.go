package bench

import (
	"fmt"
	"testing"
)

// turn is a Measurement of 100 objects in so many seconds.
func turn(seconds float64) Measurement {
	return Measurement{Objects: 100, Measured: span{Seconds: seconds, CPU: seconds / 10}, RSS: 50}
}

// TestRatiosAreOfNeighbouringTurns has the machine become four times slower meanwhile:
// of the medians of all turns the ratio would be 1, or 4, as chance would have it.
func TestRatiosAreOfNeighbouringTurns(t *testing.T) {
	ferry := []Measurement{turn(2), turn(8), turn(8.8)}
	bare := []Measurement{turn(1), turn(4), turn(4)}
	got := ratios(ferry, bare)
	if want := (Spread{0.5, 0.455, 0.5}); got.Objects != want {
		t.Errorf("rates by rates %+v, want %+v", got.Objects, want)
	}
	if want := (Spread{2, 2, 2.2}); got.CPU != want {
		t.Errorf("processor time by processor time %+v, want %+v", got.CPU, want)
	}
	if want := exactly(1); got.RSS != want {
		t.Errorf("memory by memory %+v, want %+v", got.RSS, want)
	}
}

func TestARatioIsPrintedWithLeastAndMost(t *testing.T) {
	for want, s := range map[string]Spread{
		"0.85 (0.81 to 0.90)": {0.85, 0.81, 0.90},
		"0.85":                {0.851, 0.849, 0.853},
		"never":               {},
	} {
		if got := s.text("%.2f"); got != want {
			t.Errorf("%v is printed as %q, want %q", s, got, want)
		}
	}
}

// TestFerrysTurnsAreNextToAllOthers: of three programs it is the middle one.
func TestFerrysTurnsAreNextToAllOthers(t *testing.T) {
	for _, s := range scenarios {
		p := s.programs()
		if len(p) > 3 || len(p) == 3 && p[1] != programFerry {
			t.Errorf("%s measures %v in turn, want Ferry between its two neighbours", s.name, p)
		}
	}
}

// TestWhatWasNotReachedOnceWasNotReached: no median hides it, and no goal is met by it.
func TestWhatWasNotReachedOnceWasNotReached(t *testing.T) {
	turns := []Measurement{{Began: Began{Listing: 0.1, Object: 0.3, Ranges: 0.3}}, {Began: Began{Listing: 0.1, Object: 0.5}}}
	got := reached(turns)
	if want := (Reached{Object: Spread{0.4, 0.3, 0.5}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if atMost := (goal{limit: 1}); atMost.met(got.Ranges) {
		t.Error("what was never reached was reached in at most a second")
	}
}

// TestRangesAreWithoutGapAndOverlap holds them against keys as the stand-in generates them.
func TestRangesAreWithoutGapAndOverlap(t *testing.T) {
	for _, n := range []int{0, 1, 3, 64, 1024} {
		all := ranges(2_000_000, n)
		if len(all) != max(n, 1) || all[0].After != "" || all[len(all)-1].UpTo != "" {
			t.Fatalf("%d ranges of %d, from %q up to %q", len(all), n, all[0].After, all[len(all)-1].UpTo)
		}
		for i, r := range all[1:] {
			if r.After != all[i].UpTo {
				t.Fatalf("%d ranges: one up to %q, the next from %q", n, all[i].UpTo, r.After)
			}
		}
		counts := make([]int, len(all))
		for i := range 2_000_000 {
			at := max(0, i*len(all)/2_000_000-1)
			for d := fmt.Sprintf("%09d", i); all[at].UpTo != "" && d[:2]+"/"+d[2:4]+"/"+d[4:]+"-abcdef.bin" > all[at].UpTo; at++ {
			}
			counts[at]++
		}
		for _, c := range counts {
			if c < 2_000_000/len(all) || c > 2_000_000/len(all)+1 {
				t.Fatalf("%d ranges have %v keys, want equal shares", n, counts)
			}
		}
	}
}
