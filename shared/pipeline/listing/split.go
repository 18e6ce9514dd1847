package listing

import (
	"cmp"
	"context"
	"math"
	"slices"
	"unicode/utf8"

	"kodoferry/shared/store"
)

const (
	// maxProbes is how many requests one split may cost.
	maxProbes = 16
	// probeKeys is how many keys of a probe's page are taken to see how dense they lie:
	// less than a quarter, for which a listing reads no further page.
	probeKeys = 200
	// log2MaxShards is the binary logarithm of how many full shards a range may seem to
	// have: estimates above that are taken for errors of the estimate.
	log2MaxShards = 16
)

// Density samples how dense the keys of a listing lie at its end.
type Density struct {
	Seen  int64     // keys
	marks [2]string // the last two of every probeKeys-th key
}

// Add adds the next key.
func (d *Density) Add(key string) {
	if d.Seen++; d.Seen%probeKeys == 1 {
		d.marks[0], d.marks[1] = d.marks[1], key
	}
}

// Sample returns a key seen up to 400 keys ago, and how many keys there were from that
// one on.
func (d *Density) Sample() (from string, keys int64) {
	return cmp.Or(d.marks[0], d.marks[1]), min(d.Seen, probeKeys+(d.Seen-1)%probeKeys)
}

// Marks are keys seen up to 200 and up to 400 keys ago.
func (d *Density) Marks() []string { return []string{cmp.Or(d.marks[0], d.marks[1]), d.marks[1]} }

// Rest is what is left of a listing.
type Rest struct {
	Range store.Range
	From  string   // a key before Range.After
	Keys  int64    // so many were listed from From to Range.After
	Known []string // keys whose characters others are likely to have, From and Range.After besides
	Full  int64    // keys that fill a shard: no lighter range is split
	Chain bool     // the source cannot be listed from a key that does not exist
}

// Split returns 1 to most ranges that together are rest.Range. Each begins behind a
// key that exists, so that any service can list from there. It costs up to maxProbes
// requests. A request that fails ends the search: the whole range is always an answer.
func Split(ctx context.Context, src store.Source, rest Rest, most int) []store.Range {
	p := &splitter{
		src: src, in: rest.Range, full: rest.Full, chain: rest.Chain,
		scale: blocks.with(append([]string{rest.From, rest.Range.After}, rest.Known...)...),
	}
	return p.split(ctx, rest.From, rest.Keys, most)
}

// span is a part of what is left, (lo, hi], and what is known of it.
type span struct {
	lo, hi   string    // keys that exist, but for hi "", the end of the range
	top      string    // nothing but hi was found from here on
	sample   [2]string // two keys at or before lo, or from lo on
	keys     int64     // so many lie between them
	complete bool      // all its keys were seen, or no key fits in between
}

// splitter cuts a range.
type splitter struct {
	src   store.Source
	in    store.Range // what is left
	full  int64       // as Rest.Full
	chain bool        // as Rest.Chain
	scale scale       // of the characters that keys were seen to have
	used  int         // probes
}

// weight is the binary logarithm of how many keys lie between s.lo and end, by how
// dense they lie in the sample: a rough estimate, good to tell the heavier of two.
func (p *splitter) weight(s span, end string) float64 {
	if s.complete {
		return math.Inf(-1)
	}
	return math.Log2(float64(s.keys)) - p.scale.width(s.sample[0], s.sample[1]) + p.scale.width(s.lo, end)
}

// split splits p.in. The last n keys before it were listed from the key near on.
func (p *splitter) split(ctx context.Context, near string, n int64, most int) []store.Range {
	found := []span{{
		lo: p.in.After, hi: p.in.UpTo, top: cmp.Or(p.in.UpTo, behind(p.in.Prefix), string(utf8.MaxRune)),
		sample: [2]string{near, p.in.After}, keys: n,
	}}
	for p.used < maxProbes && len(found) < most {
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

// heaviest is the index of the span with the most keys.
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
		s.complete = true
		return right, false, nil
	}
	keys, err := p.probe(ctx, mid, s.hi)
	if err != nil {
		return right, false, err
	}
	at := slices.IndexFunc(keys, IsBorder)
	if at < 0 || keys[at] == s.hi {
		s.top = mid
		return right, false, nil
	}
	complete := len(keys) < probeKeys
	keys = keys[at:]
	last := keys[len(keys)-1]
	p.scale = p.scale.with(keys[0], last)
	right = span{lo: keys[0], hi: s.hi, top: s.top, sample: [2]string{keys[0], last}, keys: int64(len(keys)), complete: complete}
	s.hi, s.top = keys[0], mid
	return right, true, nil
}

// branch is for a span whose top is far off because its keys share a long
// beginning, which halving would take a probe for each bit of. It returns where
// half of that beginning ends, "" if there is no need.
func (p *splitter) branch(s *span) string {
	if p.weight(*s, s.top) < math.Log2(float64(p.full))+log2MaxShards {
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

// probe returns up to probeKeys keys behind mid, up to hi: one request.
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
		if keys = append(keys, o.Key); len(keys) == probeKeys {
			break
		}
	}
	return keys, nil
}
