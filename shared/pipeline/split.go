package pipeline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"unicode/utf8"

	"kodoferry/shared/store"
)

const (
	// probes is how many requests one split may cost.
	probes = 16
	// look is how many keys of a probe's page are taken to see how dense they lie:
	// less than a quarter, for which a listing reads no further page.
	look = 200
)

// span is a part of what is left, (lo, hi], and what is known of it.
type span struct {
	lo, hi string    // keys that exist, but for hi "", the end of the range
	top    string    // nothing but hi was found from here on
	sample [2]string // two keys at or before lo, or from lo on
	keys   int64     // so many lie between them
	whole  bool      // it has so few keys that all were seen, or no key fits in between
}

// absurd is the binary logarithm of how many full shards nobody has.
const absurd = 16

// splitter cuts what a full shard left into ranges that begin behind keys that
// exist, so that any service can be asked to list from there.
type splitter struct {
	src   store.Source
	in    store.Range // what is left
	full  int64       // keys that fill a shard: nothing lighter is cut
	chain bool        // the source cannot be listed from a key that does not exist
	scale scale       // of the characters that keys were seen to have
	used  int         // probes
}

// weight is the binary logarithm of how many keys lie between s.lo and end, by
// how dense they lie in the sample. A poor guess, but the heavier of two is
// mostly the heavier.
func (p *splitter) weight(s span, end string) float64 {
	if s.whole {
		return math.Inf(-1)
	}
	return math.Log2(float64(s.keys)) - p.scale.width(s.sample[0], s.sample[1]) + p.scale.width(s.lo, end)
}

// split returns 1 to most ranges that together are p.in. Of what lies before
// it, the caller listed n keys from near to p.in.After last. A probe that fails
// ends the search: one range is always an answer.
func (p *splitter) split(ctx context.Context, near string, n int64, most int) []store.Range {
	found := []span{{
		lo: p.in.After, hi: p.in.UpTo, top: cmp.Or(p.in.UpTo, behind(p.in.Prefix), string(utf8.MaxRune)),
		sample: [2]string{near, p.in.After}, keys: n,
	}}
	for p.used < probes && len(found) < most {
		i := p.heaviest(found)
		weight := p.weight(found[i], found[i].top)
		if math.IsInf(weight, -1) || len(found) > 1 && weight < math.Log2(float64(p.full)) {
			break
		}
		right, ok, err := p.cut(ctx, &found[i])
		if err != nil {
			break
		}
		if ok {
			found = slices.Insert(found, i+1, right)
		}
	}
	out := make([]store.Range, len(found))
	for i, s := range found {
		out[i] = store.Range{Prefix: p.in.Prefix, After: s.lo, UpTo: s.hi}
	}
	return out
}

func (p *splitter) heaviest(of []span) int {
	best := 0
	for i := range of {
		if p.weight(of[i], of[i].top) > p.weight(of[best], of[best].top) {
			best = i
		}
	}
	return best
}

// cut looks for a key in the middle of s. If there is one, s ends with it and
// right is the rest; if not, s is known to be smaller.
func (p *splitter) cut(ctx context.Context, s *span) (right span, ok bool, err error) {
	mid := p.branch(s)
	if mid != "" && p.chain {
		s.top = mid // what lies behind cannot be asked for; the listing will get there
		return right, false, nil
	}
	if mid = cmp.Or(mid, p.middle(s.lo, s.top)); mid == "" {
		s.whole = true
		return right, false, nil
	}
	keys, err := p.probe(ctx, mid, s.hi)
	if err != nil {
		return right, false, err
	}
	at := slices.IndexFunc(keys, isBorder)
	if at < 0 || keys[at] == s.hi {
		s.top = mid
		return right, false, nil
	}
	whole := len(keys) < look
	keys = keys[at:]
	last := keys[len(keys)-1]
	p.scale = p.scale.with(keys[0], last)
	right = span{lo: keys[0], hi: s.hi, top: s.top, sample: [2]string{keys[0], last}, keys: int64(len(keys)), whole: whole}
	s.hi, s.top = keys[0], mid
	return right, true, nil
}

// branch is for a span whose top is far off because its keys share a long
// beginning, which halving would take a probe for each bit of. It returns where
// half of that beginning ends, "" if there is no need.
func (p *splitter) branch(s *span) string {
	if p.weight(*s, s.top) < math.Log2(float64(p.full))+absurd {
		return ""
	}
	least := utf8.RuneCountInString(shared(s.lo, s.top))
	most := least
	for n := range utf8.RuneCountInString(s.lo) {
		if n > least && p.weight(*s, behind(cut(s.lo, n))) >= math.Log2(float64(p.full)) {
			most = n
		}
	}
	if most < least+2 {
		return ""
	}
	return behind(cut(s.lo, (least+most+1)/2))
}

// middle returns where to look for a key between lo and top: a key to list from,
// or, for a chain, a prefix. "" says that nothing fits in between.
func (p *splitter) middle(lo, top string) string {
	if !p.chain {
		return p.scale.between(lo, top)
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

// probe returns up to look keys behind mid, up to hi: one request.
func (p *splitter) probe(ctx context.Context, mid, hi string) ([]string, error) {
	p.used++
	r := store.Range{Prefix: p.in.Prefix, After: mid, UpTo: hi}
	if p.chain {
		r = store.Range{Prefix: mid}
	}
	var keys []string
	for o, err := range p.src.List(ctx, r) {
		if err != nil {
			return nil, err
		}
		if p.chain && hi != "" && o.Key > hi {
			break
		}
		if keys = append(keys, o.Key); len(keys) == look {
			break
		}
	}
	return keys, nil
}
