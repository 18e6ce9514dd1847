package random_test

import (
	"slices"
	"testing"
	"testing/cryptotest"
	"time"

	"kodoferry/shared/random"
)

func TestJitterStaysWithinAQuarter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := random.Jitter(time.Minute)
		if d < 45*time.Second || d > 75*time.Second {
			t.Fatalf("Jitter(1m) = %v, want 45s to 75s", d)
		}
		seen[d] = true
	}
	if len(seen) < 900 {
		t.Errorf("1,000 waits took %d different times, want nearly as many", len(seen))
	}
}

func TestDrawsRepeatWhereTheSourceOfRandomnessDoes(t *testing.T) {
	draw := func() (all []int) {
		t.Run("", func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 7)
			all = append(random.Perm(50), int(random.Jitter(time.Hour)))
			random.Shuffle(50, func(i, j int) { all[i], all[j] = all[j], all[i] })
		})
		return all
	}
	if one, two := draw(), draw(); !slices.Equal(one, two) {
		t.Errorf("two draws from one source differ:\n%v\n%v", one, two)
	}
}
