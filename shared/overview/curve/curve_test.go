package curve

import (
	"math/rand/v2"
	"testing"
)

// TestACurveKeepsItsSumsAndItsBound adds stretches of any width anywhere in a year.
func TestACurveKeepsItsSumsAndItsBound(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var c Curve
		var want Point
		span := int64(1) << r.IntN(25)
		for range 300 {
			p := Point{r.Int64N(1000), r.Int64N(1 << 30), r.Int64N(3), r.Int64N(3)}
			c.Add(1_700_000_000+r.Int64N(span)-span/2, 1+r.Int64N(900), p)
			want.add(p)
		}
		var got Point
		for _, p := range c.Points {
			got.add(p)
		}
		if got != want || len(c.Points) > MaxPoints || c.Each < 1 {
			t.Errorf("seed %d: %d points of %d s add up to %+v, want %+v in at most %d", seed, len(c.Points), c.Each, got, want, MaxPoints)
		}
	}
}

func TestACurveTakesNoTimeThatNoRunHas(t *testing.T) {
	var c Curve
	c.Add(1_700_000_000, 1, Point{Objects: 1})
	c.Add(-1<<40, 1, Point{Objects: 1})
	c.Add(1<<40, 1<<39, Point{Objects: 1})
	if len(c.Points) != 1 {
		t.Errorf("%d points, want the one of a time that can be", len(c.Points))
	}
}
