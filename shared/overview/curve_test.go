package overview

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestACurveKeepsItsSumsAndItsBound adds stretches of any width anywhere in a year.
func TestACurveKeepsItsSumsAndItsBound(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var c curve
		var want point
		span := int64(1) << r.IntN(25)
		for range 300 {
			p := point{r.Int64N(1000), r.Int64N(1 << 30), r.Int64N(3), r.Int64N(3)}
			c.add(1_700_000_000+r.Int64N(span)-span/2, 1+r.Int64N(900), p)
			want.add(p)
		}
		var got point
		for _, p := range c.points {
			got.add(p)
		}
		if got != want || len(c.points) > MaxPoints || c.each < 1 {
			t.Errorf("seed %d: %d points of %d s add up to %+v, want %+v in at most %d", seed, len(c.points), c.each, got, want, MaxPoints)
		}
	}
}

func TestACurveTakesNoTimeThatNoRunHas(t *testing.T) {
	var c curve
	c.add(1_700_000_000, 1, point{objects: 1})
	c.add(-1<<40, 1, point{objects: 1})
	c.add(1<<40, 1<<39, point{objects: 1})
	if len(c.points) != 1 {
		t.Errorf("%d points, want the one of a time that can be", len(c.points))
	}
}

var (
	said  = regexp.MustCompile(`say\("([a-z.]+)"`)
	holes = regexp.MustCompile(`\{([a-z_]+)\}`)
)

// TestEveryCodeHasAFormAndEveryFormACode reads the sources of this package.
func TestEveryCodeHasAFormAndEveryFormACode(t *testing.T) {
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllSubmatch(data, -1) {
			used[string(m[1])] = true
		}
	}
	for _, by := range []string{"throttle", "bandwidth", "requests", "instances", "capacity", "parallel", "window", "tasks"} {
		used["binds."+by] = true
	}
	delete(used, "binds.")
	for code := range used {
		if Forms[code] == "" {
			t.Errorf("%s has no form", code)
		}
	}
	for code := range Forms {
		if !used[code] {
			t.Errorf("%s has a form, and is never said", code)
		}
	}
}

func TestASentenceFillsInItsArguments(t *testing.T) {
	s := say("next.side", word("side", "source"), at("asked", time.Time{}), text("why", "503 {side}"))
	got := s.In(nil, func(a Arg) string { return "<" + a.Name + a.Text + ">" })
	if len(holes.FindAllString(got, -1)) != 1 || got != "see to the <sidesource>, and the run goes on by itself; asked last at <asked>, it said: <why503 {side}>" {
		t.Errorf("it reads %q", got)
	}
	if got := (Sentence{Code: "of.tomorrow"}).In(nil, nil); got != "of.tomorrow" {
		t.Errorf("a code of a newer version reads %q", got)
	}
}
