package listing

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// place is where a span is to be cut: what keys there are from mid on.
type place struct {
	of   int // which span
	mid  string
	keys []string // that the probe found
}

// part is a piece of a span, as if places that are not probed yet cut it.
type part struct {
	span
	of     int     // which span
	weight float64 // as that of a span: half as many keys are thought to be in a half
}

// plan returns up to n places where to look for keys, in order, as if each cut a part in
// two: the heaviest first.
func (p *splitter) plan(spans []span, n int) (cuts []place) {
	parts := make([]part, len(spans))
	for i, s := range spans {
		parts[i] = part{s, i, min(p.weight(s, s.top), math.Log2(float64(p.full))+log2MaxShards)}
	}
	for len(cuts) < n {
		i := 0
		for k := range parts {
			if parts[k].weight > parts[i].weight {
				i = k
			}
		}
		s := &parts[i]
		if math.IsInf(s.weight, -1) || len(parts) > 1 && s.weight < math.Log2(float64(p.full)) {
			break
		}
		whole := &spans[s.of]
		if far, all := p.levels(s.span, n-len(cuts)); len(far) > 0 {
			if p.chain { // what lies behind cannot be asked for; the listing will get there
				s.top, whole.top = far[len(far)/2], far[len(far)/2]
				continue
			}
			for _, mid := range far {
				cuts = append(cuts, place{of: s.of, mid: mid})
			}
			whole.leveled = all
			s.weight = math.Inf(-1)
			continue
		}
		mid := p.middle(s.span, s.lo, s.top)
		if mid == "" {
			s.weight = math.Inf(-1)
			whole.complete = whole.complete || whole.lo == s.lo && whole.top == s.top
			continue
		}
		cuts = append(cuts, place{of: s.of, mid: mid})
		right := *s
		right.lo, s.top = mid, mid
		doubt := 0.0
		switch {
		case whole.hi != "" && whole.top == whole.hi: // there are keys at its end
		case whole.leveled:
			doubt = 1
		default:
			doubt = doubtBehind
		}
		s.weight, right.weight = s.weight-1, s.weight-1-doubt
		if p.chain { // its probe tells of its prefix alone: one a span
			s.weight, right.weight = math.Inf(-1), math.Inf(-1)
		}
		parts = slices.Insert(parts, i+1, right)
	}
	slices.SortFunc(cuts, func(a, b place) int { return strings.Compare(a.mid, b.mid) })
	return cuts
}

// levels is for a span whose top is far off because its keys share a long beginning,
// which halving would take a probe for each bit of. It returns up to n places, in order, none
// if there is no need: behind one of them the other keys are. For each beginning of lo, longer
// and longer, they are those where keys begin that have another character in place of the
// last: of its kinds, and the first one behind them. all says that no beginning is left out.
func (p *splitter) levels(s span, n int) (places []string, all bool) {
	if far := math.Log2(float64(p.full)) + log2MaxShards; p.chain && !s.leveled && p.weight(s, s.top) >= far {
		return p.ends(s), true
	}
	if p.chain || s.leveled || s.hi != "" && s.top == s.hi || p.weight(s, s.top) < math.Log2(float64(p.full)) {
		return nil, true
	}
	u, lo := p.ruler(s), []rune(s.lo)
	var levels [][]string
	sum := 0
	for i := utf8.RuneCountInString(shared(s.lo, s.top)); i < len(lo)-1; i++ {
		if len(levels) > 0 && p.weight(s, behind(string(lo[:i]))) < math.Log2(float64(p.full)) {
			break
		}
		var level []string
		for _, r := range u.siblings(i, lo[i]) {
			if at := string(lo[:i]) + string(r); at > s.lo && at < s.top {
				level = append(level, at)
			}
		}
		levels, sum = append(levels, level), sum+len(level)
	}
	if len(levels) > n { // which of them the other keys are behind is looked for first
		var last []string
		for _, level := range levels {
			last = append(last, spread(level, 1)...)
		}
		return spread(last, n), false
	}
	for i, level := range levels { // the outer ones first: most keys are behind them
		most := max(1, (n-len(places))/(len(levels)-i))
		if sum <= n {
			most = len(level)
		}
		places = append(places, spread(level, most)...)
	}
	slices.Sort(places)
	return slices.Compact(places), true
}

// spread returns up to n of all, as far apart as can be, the last one among them.
func spread(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	some := make([]string, n)
	for k := range n {
		some[k] = all[(k+1)*len(all)/n-1]
	}
	return some
}

// ends are the ends of the beginnings of lo of a chain, which may ask for prefixes alone.
func (p *splitter) ends(s span) (ends []string) {
	least := utf8.RuneCountInString(shared(s.lo, s.top))
	for n := least + 1; n < utf8.RuneCountInString(s.lo); n++ {
		end := behind(cut(s.lo, n))
		if p.weight(s, end) < math.Log2(float64(p.full)) {
			break
		}
		ends = append(ends, end)
	}
	return ends
}

// middle returns where to look for a key between lo and top of a span: a key to list from,
// or, for a chain, a prefix. "" says that nothing fits in between.
func (p *splitter) middle(s span, lo, top string) string {
	if !p.chain {
		return p.ruler(s).between(lo, top)
	}
	n := len(shared(lo, top))
	for i, r := range lo[n:] {
		head := lo[:n+i]
		from, _ := slices.BinarySearch(p.scale, r+1)
		to := from
		for to < len(p.scale) && head+string(p.scale[to]) < top {
			to++
		}
		if from < to {
			return head + string(p.scale[(from+to)/2])
		}
	}
	return ""
}

// even reports whether there are enough spans, and none far heavier than most of them
// would be that shared all keys alike.
func (p *splitter) even(spans []span, most int) bool {
	all := 0.0
	for _, s := range spans {
		all += math.Exp2(p.weight(s, s.top))
	}
	heaviest := spans[p.heaviest(spans)]
	return len(spans) >= most && math.Exp2(p.weight(heaviest, heaviest.top)) < 2*all/float64(most)
}

// merge joins neighbours until there are at most so many spans, and none that is far
// lighter than a shard: those first that are the lightest together.
func (p *splitter) merge(spans []span, most int) []span {
	weights := make([]float64, len(spans))
	for i, s := range spans {
		weights[i] = math.Exp2(p.weight(s, s.top))
	}
	light := float64(p.full) / 8
	for len(spans) > 1 {
		best, least := -1, math.Inf(1)
		for i := range len(spans) - 1 {
			both := weights[i] + weights[i+1]
			if both < least && (len(spans) > most || min(weights[i], weights[i+1]) < light) {
				best, least = i, both
			}
		}
		if best < 0 {
			break
		}
		spans[best].hi, weights[best] = spans[best+1].hi, least
		spans, weights = slices.Delete(spans, best+1, best+2), slices.Delete(weights, best+1, best+2)
	}
	return spans
}
