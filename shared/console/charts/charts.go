// Package charts draws how a run stands, for a browser without script: bars and curves, each as
// the numbers that a template writes into a style or a drawing.
package charts

import (
	"fmt"
	"strings"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// Segment is a piece of a bar: where it begins and how wide it is, as parts of 1.
type Segment struct {
	Class    string
	At, Wide float64
	Title    string
}

// Books draws the books as a bar.
func Books(b overview.Books) (all []Segment) {
	at := 0.0
	for _, l := range b.Lines {
		all = append(all, Segment{Class: string(l.State), At: at, Wide: l.Share})
		at += l.Share
	}
	return all
}

// Space draws the key space as a bar: neighbours that are equally far are one piece, as wide as
// the objects in them, and a stretch that nobody has counted as wide as the mean.
func Space(space []overview.Stretch) (all []Segment) {
	var sum, known int64
	for _, s := range space {
		if s.Listed.Objects > 0 {
			sum, known = sum+s.Listed.Objects, known+1
		}
	}
	mean := int64(1)
	if known > 0 {
		mean = max(sum/known, 1)
	}
	width := func(s overview.Stretch) float64 {
		if s.Listed.Objects > 0 {
			return float64(s.Listed.Objects)
		}
		return float64(mean)
	}
	total := 0.0
	for _, s := range space {
		total += width(s)
	}
	at := 0.0
	for _, s := range space {
		class := string(s.Progress)
		if s.GivenUp > 0 {
			class = string(overview.GivenUp)
		}
		wide := width(s) / total
		if n := len(all); n > 0 && all[n-1].Class == class {
			all[n-1].Wide += wide
		} else {
			all = append(all, Segment{Class: class, At: at, Wide: wide})
		}
		at += wide
	}
	return all
}

// Legend is how much of the key space is how far.
type Legend struct {
	Class string
	ledger.Tally
	Shards int
}

// Legends sums the key space up by progress.
func Legends(space []overview.Stretch) (all []Legend) {
	for _, p := range []overview.Progress{overview.VerifiedProof, overview.Copied, overview.Listed, overview.Unlisted, overview.GivenUp} {
		l := Legend{Class: string(p)}
		for _, s := range space {
			if s.Progress == p {
				l.Add(s.Listed.Objects, s.Listed.Bytes)
				l.Shards += s.Shards
			}
		}
		if l.Shards > 0 {
			all = append(all, l)
		}
	}
	return all
}

// Plot is a curve as a drawing, for a browser without script.
type Plot struct {
	Points string // of a polyline in 600 by 100
	Most   float64
}

// plotWidth is how many points a plot has at most.
const plotWidth = 300

// Rates draws objects, or bytes, a second.
func Rates(s overview.Series, bytes bool) Plot {
	list := s.Objects
	if bytes {
		list = s.Bytes
	}
	if s.Each <= 0 || len(list) == 0 {
		return Plot{}
	}
	step := (len(list) + plotWidth - 1) / plotWidth
	var rates []float64
	for i := 0; i < len(list); i += step {
		n := min(step, len(list)-i)
		sum := int64(0)
		for _, v := range list[i : i+n] {
			sum += v
		}
		rates = append(rates, float64(sum)/float64(int64(n)*s.Each))
	}
	var p Plot
	for _, v := range rates {
		p.Most = max(p.Most, v)
	}
	var b strings.Builder
	for i, v := range rates {
		y := 99.0
		if p.Most > 0 {
			y = 99 - v/p.Most*97
		}
		fmt.Fprintf(&b, "%.1f,%.1f ", float64(i)*600/float64(max(len(rates)-1, 1)), y)
	}
	p.Points = strings.TrimSpace(b.String())
	return p
}

// Size is a number of bytes that a plot's rate is.
func (p Plot) Size() int64 { return int64(p.Most) }
