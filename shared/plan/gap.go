package plan

import (
	"iter"
	"math/big"
	"strings"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// gap is a stretch between two pages, of which nothing is known: keys greater
// than lo and not greater than hi ("": no end).
type gap struct {
	lo, hi        string
	before, after *sampled // nil where there is none
	weight        float64  // objects that it may hold
	mid           string   // where to probe next: lo where one page is likely to hold it all
	common        string   // what lo and hi begin with
	fence         string   // behind all that begins as lo does; "" where that is not before hi
}

// bound finds where the names on both sides of g part, and its fence: behind
// the directory that lo is in, the highest of those that hi is not in, where
// that directory holds a whole page; otherwise behind all names that begin as
// lo does up to where it parts from hi.
func (g *gap) bound() {
	g.common = runePrefix(g.lo, g.hi)
	rest := g.lo[len(g.common):]
	_, n := utf8.DecodeRuneInString(rest)
	if n == 0 || g.hi == "" {
		return
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 && g.before != nil && strings.HasPrefix(g.before.first, g.common+rest[:i+1]) {
		n = i + 1
	}
	if fence := g.common + rest[:n] + string(utf8.MaxRune); fence < g.hi {
		g.fence = fence
	}
}

// names yields examples of the names around g: some keys of every page, more of the
// pages beside it.
func (s *sampler) names(g *gap) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range s.pages {
			step := 8
			if p == g.before || p == g.after {
				step = 1
			}
			for i := 0; i < len(p.keys); i += step {
				if !yield(p.keys[i]) {
					return
				}
			}
		}
	}
}

// estimate estimates how many objects g holds, by how dense the pages beside it are,
// and where to probe it.
func (s *sampler) estimate(g *gap) {
	prefix := s.in.Prefix
	lo, hi := max(g.lo, prefix), g.hi
	if hi == "" {
		hi = prefix + string(utf8.MaxRune)
	}
	g.weight, g.mid = 1, g.lo
	if lo >= hi {
		return
	}
	on := rulerBetween(lo, hi, s.names(g))
	from := on.number(lo)
	length := new(big.Int).Sub(on.number(hi), from)
	if length.Sign() <= 0 {
		return
	}
	sum, n := 0.0, 0.0
	var near *big.Int // the length of the page before
	for _, p := range []*sampled{g.before, g.after} {
		if keys, span := p.within(on); span != nil {
			sum, n = sum+keys*ratio(length, span), n+1
			if p == g.before {
				near = span
			}
		}
	}
	g.weight = store.KeysPerPage / keysPerSample // hardly a key of the pages beside it is so named
	if n > 0 {
		g.weight = sum / n
	}
	// Where the page before is tiny against the gap, the gap is likely to be empty
	// soon behind it: a probe of the geometric middle finds the edge in few steps.
	half := new(big.Int).Rsh(length, 1)
	if near != nil && ratio(length, near) > 1e4 {
		half.Sqrt(new(big.Int).Mul(near, length))
	}
	if mid := on.key(half.Add(half, from)); mid > lo && mid < hi && g.weight > store.KeysPerPage/2 {
		g.mid = mid
	}
}

// within returns how many of p's keys lie on the ruler, about, and the length
// that they cover there; nil where that tells nothing.
func (p *sampled) within(s ruler) (keys float64, span *big.Int) {
	if p == nil {
		return 0, nil
	}
	var first, last string
	n := 0
	for _, k := range p.keys {
		if len(k) >= len(s.prefix) && k[:len(s.prefix)] == s.prefix {
			if n++; n == 1 {
				first = k
			}
			last = k
		}
	}
	if n < 2 {
		return 0, nil
	}
	span = new(big.Int).Sub(s.number(last), s.number(first))
	if span.Sign() <= 0 {
		return 0, nil
	}
	return float64(p.n) * float64(n-1) / float64(len(p.keys)-1), span
}
