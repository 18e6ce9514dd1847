// Package shrink looks for the smaller storm that fails in the same way.
package shrink

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/pipeline/storm"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// particular is what differs between two failures of one kind: numbers, keys and hashes.
var particular = regexp.MustCompile(`"[^"]*"|\b\w*\d\w*\b|[a-z2-7]{8}`)

// kindOf is a failure without its particulars.
func kindOf(failure string) string { return particular.ReplaceAllString(failure, "…") }

// Smaller looks for a smaller storm that fails in the same way as o, for at most
// that long: it leaves out kinds of weather, objects, and steps that the seed
// decides, and keeps out what is not needed. What it returns is traced.
func Smaller(t *testing.T, o storm.Outcome, most time.Duration) storm.Outcome {
	s := &shrinker{t: t, kind: kindOf(o.Failure), until: time.Now().Add(most), best: o.Plan}
	s.keep(o)
	for s.once() {
	}
	return storm.Run(t, s.best, true)
}

// shrinker is the search for a smaller storm.
type shrinker struct {
	t     *testing.T
	kind  string // of the failure
	until time.Time
	best  weather.Plan
	tries int
}

// keep takes the plan of o, which failed, with the steps alone that counted.
func (s *shrinker) keep(o storm.Outcome) {
	s.best = o.Plan
	s.best.Only = map[int]bool{}
	for _, step := range o.Wild {
		s.best.Only[step] = true
	}
}

// fails runs a plan, and keeps it where it fails in the same way.
func (s *shrinker) fails(p weather.Plan) bool {
	if time.Now().After(s.until) {
		return false
	}
	s.tries++
	o := storm.Run(s.t, p, false)
	if o.Failure == "" || kindOf(o.Failure) != s.kind {
		return false
	}
	s.keep(o)
	return true
}

// once tries to leave out each thing once, and reports whether any could be.
func (s *shrinker) once() (any bool) {
	for _, w := range weather.All {
		any = s.without(string(w.Kind), weather.Of(s.best)[w.Kind]) || any
	}
	for i := range world.MostObjects {
		any = s.without(fmt.Sprintf("object %d", i), true) || any
	}
	for size := len(s.best.Only); size > 0; size /= 2 {
		steps := slices.Sorted(maps.Keys(s.best.Only))
		for some := range slices.Chunk(steps, size) {
			p := s.best
			p.Only = maps.Clone(p.Only)
			for _, step := range some {
				delete(p.Only, step)
			}
			if len(p.Only) < len(s.best.Only) {
				any = s.fails(p) || any
			}
		}
	}
	return any && time.Now().Before(s.until)
}

// without tries to leave out what has that name.
func (s *shrinker) without(name string, there bool) bool {
	if !there || s.best.Without[name] {
		return false
	}
	p := s.best
	p.Without = maps.Clone(p.Without)
	if p.Without == nil {
		p.Without = map[string]bool{}
	}
	p.Without[name] = true
	return s.fails(p)
}
