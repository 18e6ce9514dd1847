package listing

import (
	"cmp"
	"context"
	"math"
	"slices"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

const (
	// leastProbes is how many requests one split may cost that leaves up to fewRanges, and
	// probesEach how many more for each range that is wanted beyond.
	leastProbes, fewRanges, probesEach = 20, 8, 4
	// rounds is in how many rounds they are made: each knows what those before have found.
	rounds = 3
	// probeKeys is of how many keys one is kept of a listing, to see how dense they lie; probed
	// is how many a probe asks for.
	probeKeys, probed = 200, 100
	// log2MaxShards is the binary logarithm of how many full shards a range may seem to
	// have: estimates above that are taken for errors of the estimate.
	log2MaxShards = 16
	// likeThis bounds how many rulers a search keeps.
	likeThis = 256
	// doubtBehind is the binary logarithm of how many times as heavy a part must seem that
	// lies behind a place which is not probed yet, to be cut like the part before it: where
	// keys end early, most places of a round would lie behind the last one.
	doubtBehind = 3
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
// key that exists, so that any service can list from there. It costs up to leastProbes
// requests, more where many ranges are wanted, in rounds of some at a time. A request that fails ends the search: the whole range is always an answer.
// A list of keys is split by the list alone.
func Split(ctx context.Context, src store.Source, rest Rest, most int) []store.Range {
	if n, ok := src.(*Named); ok {
		return n.split(ctx, rest.Range, rest.Full, most)
	}
	p := &splitter{
		src: src, in: rest.Range, full: rest.Full, chain: rest.Chain, probes: leastProbes + probesEach*max(0, most-fewRanges),
		scale: blocks.with(append([]string{rest.From, rest.Range.After}, rest.Known...)...),
	}
	return p.split(ctx, rest.From, rest.Keys, most)
}

// span is a part of what is left, (lo, hi], and what is known of it.
type span struct {
	like     string    // a key at the beginning of it that exists
	lo, hi   string    // keys that exist, but for hi "", the end of the range
	top      string    // nothing but hi was found from here on
	sample   [2]string // two keys at or before lo, or from lo on
	keys     int64     // so many lie between them
	complete bool      // all its keys were seen, or no key fits in between
	leveled  bool      // the beginning that its keys share is known
}

// splitter cuts a range.
type splitter struct {
	src   store.Source
	in    store.Range // what is left
	full  int64       // as Rest.Full
	chain bool        // as Rest.Chain
	scale scale       // of the characters that keys were seen to have

	probes, used int // how many it may make, and has made
	rulers       map[string]*ruler
}

// ruler returns the ruler of a span.
func (p *splitter) ruler(s span) *ruler {
	u := p.rulers[s.like]
	if u == nil {
		if u = p.scale.ruler(s.like); len(p.rulers) >= likeThis || p.rulers == nil {
			p.rulers = map[string]*ruler{}
		}
		p.rulers[s.like] = u
	}
	return u
}

// weight is the binary logarithm of how many keys lie between s.lo and end, by how
// dense they lie in the sample: a rough estimate, good to tell the heavier of two.
func (p *splitter) weight(s span, end string) float64 {
	if s.complete {
		return math.Inf(-1)
	}
	u := p.ruler(s)
	return math.Log2(float64(s.keys)) - u.width(s.sample[0], s.sample[1]) + u.width(s.lo, end)
}

// split splits p.in. The last n keys before it were listed from the key near on. It goes
// in rounds: the probes of one are made at the same time.
func (p *splitter) split(ctx context.Context, near string, n int64, most int) []store.Range {
	spans := []span{{
		like: cmp.Or(p.in.After, near), lo: p.in.After, hi: p.in.UpTo, top: cmp.Or(p.in.UpTo, behind(p.in.Prefix), string(utf8.MaxRune)),
		sample: [2]string{near, p.in.After}, keys: n,
	}}
	for left := rounds; left > 0 && most > 1 && p.used < p.probes && !p.even(spans, most); left-- {
		cuts := p.plan(spans, (p.probes-p.used+left-1)/left)
		p.rulers = nil // the scale will have grown
		if len(cuts) == 0 {
			break
		}
		p.used += len(cuts)
		if p.probeAll(ctx, spans, cuts) != nil {
			break
		}
		spans = p.cut(spans, cuts)
	}
	spans = p.merge(spans, most)
	out := make([]store.Range, len(spans))
	for i, s := range spans {
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

// probeAll makes the probes of one round.
func (p *splitter) probeAll(ctx context.Context, spans []span, cuts []place) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range cuts {
		c := &cuts[i]
		g.Go(func() (err error) {
			c.keys, err = p.probe(ctx, c.mid, spans[c.of].hi)
			return err
		})
	}
	return g.Wait()
}

// cut cuts spans where probes have found keys. One without a key behind a place is known
// to be smaller.
func (p *splitter) cut(spans []span, cuts []place) (out []span) {
	for i, s := range spans {
		for len(cuts) > 0 && cuts[0].of == i {
			c := cuts[0]
			cuts = cuts[1:]
			at := slices.IndexFunc(c.keys, IsBorder)
			if at < 0 || c.keys[at] == s.hi {
				if c.mid > s.lo && c.mid < s.top {
					s.top = c.mid
				}
				continue
			}
			if c.keys[at] <= s.lo || s.complete { // the place before has found it
				continue
			}
			complete := len(c.keys) < probed
			keys := c.keys[at:]
			last := keys[len(keys)-1]
			p.scale = p.scale.with(keys[0], last)
			right := span{like: last, lo: keys[0], hi: s.hi, top: s.top, complete: complete, leveled: s.leveled}
			p.sample(&right, keys)
			s.hi, s.top = keys[0], c.mid
			out = append(out, s)
			s = right
		}
		out = append(out, s)
	}
	return out
}

// sample sets the sample of a span of some of its keys: of their halves the denser one. The
// first key behind a place is often far from those that follow, and one that is shorter.
func (p *splitter) sample(s *span, keys []string) {
	u, best := p.ruler(*s), math.Inf(-1)
	half := (len(keys) + 1) / 2
	for from := 0; from < len(keys); from += half {
		some := keys[from:min(from+half, len(keys))]
		if from > 0 && len(some) < 2 {
			break
		}
		ends := [2]string{some[0], some[len(some)-1]}
		if dense := math.Log2(float64(len(some))) - u.width(ends[0], ends[1]); dense > best {
			best, s.sample, s.keys = dense, ends, int64(len(some))
		}
	}
}

// probe returns up to probed keys behind mid, up to hi: one request.
func (p *splitter) probe(ctx context.Context, mid, hi string) ([]string, error) {
	r := store.Range{Prefix: p.in.Prefix, After: mid, UpTo: hi, Few: probed}
	if p.chain {
		r = store.Range{Prefix: mid, Few: probed}
	}
	var keys []string
	for o, err := range p.src.List(ctx, r) {
		if err != nil {
			return nil, err
		}
		if p.chain && hi != "" && o.Key > hi {
			break
		}
		if keys = append(keys, o.Key); len(keys) == probed {
			break
		}
	}
	return keys, nil
}
