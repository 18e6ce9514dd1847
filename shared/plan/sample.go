package plan

import (
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

const (
	maxProbes       = 200 // requests for pages of keys, about
	parallelProbes  = 8   // of them at the same time
	wideProbes      = 3   // of those, into gaps that no page points to
	maxEndProbes    = 60  // requests to find where the names end
	keysPerSample   = 48  // keys that are kept of each page, as examples of names
	reestimateEvery = 6   // rounds after which all gaps are estimated again, by the names that are known by then
)

// sampler reads pages of a bucket here and there. The bucket is to it a sequence of
// pages, which are known exactly, and of the gaps between them.
type sampler struct {
	list  func(ctx context.Context, r store.Range) ([]store.Object, bool, error)
	in    store.Range
	enter func(objects []store.Object) *book
	gaps  []*gap
	pages []*sampled
	asked int
}

// sampled is a page that was read, without its objects.
type sampled struct {
	book        *book
	n           int
	first, last string
	keys        []string // some, evenly
	extra       float64  // objects in gaps that are counted as if they were like its own
}

// run samples until maxProbes pages are read, ctx or the bucket ends. What was sampled
// before an error is kept.
func (s *sampler) run(ctx context.Context) error {
	first := &gap{hi: s.in.UpTo}
	s.gaps = []*gap{first}
	if err := s.read(ctx, first, ""); err != nil {
		return err
	}
	if err := s.findEnd(ctx); err != nil {
		return err
	}
	defer s.estimateAll()
	for round := 1; s.asked < maxProbes; round++ {
		if round%reestimateEvery == 0 {
			s.estimateAll()
		}
		if open := s.next(min(parallelProbes, maxProbes-s.asked)); len(open) == 0 {
			return nil
		} else if err := s.readAll(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// probe is a request for the page behind a key in a gap.
type probe struct {
	at   *gap
	from string
}

// readAll makes several probes at the same time.
func (s *sampler) readAll(ctx context.Context, open []probe) error {
	pages := make([]answer, len(open))
	g, ctx := errgroup.WithContext(ctx)
	for i, q := range open {
		g.Go(func() (err error) {
			pages[i], err = s.ask(ctx, q.at, q.from)
			return err
		})
	}
	err := g.Wait()
	for i, q := range open {
		if pages[i].ok {
			s.split(q.at, q.from, pages[i])
		}
	}
	return err
}

// answer is the page that a probe got.
type answer struct {
	objects []store.Object
	more    bool
	ok      bool
}

func (s *sampler) ask(ctx context.Context, g *gap, from string) (answer, error) {
	objects, more, err := s.list(ctx, store.Range{Prefix: s.in.Prefix, After: from, UpTo: g.hi})
	return answer{objects, more, err == nil}, err
}

// read makes one probe.
func (s *sampler) read(ctx context.Context, g *gap, from string) error {
	a, err := s.ask(ctx, g, from)
	if err == nil {
		s.split(g, from, a)
	}
	return err
}

// split replaces g by the page that was found behind from, and the gaps around it.
func (s *sampler) split(g *gap, from string, a answer) {
	s.asked++
	i := slices.Index(s.gaps, g)
	rest := s.gaps[i+1:]
	left, end := &gap{lo: g.lo, hi: from, before: g.before, after: g.after}, g
	parts := []*gap{}
	if from != g.lo {
		parts = append(parts, left)
	}
	if len(a.objects) > 0 {
		p := s.sample(a.objects)
		left.after = p
		if a.more {
			end = &gap{lo: p.last, hi: g.hi, before: p, after: g.after}
			parts = append(parts, end)
		}
	}
	for _, part := range parts {
		part.bound()
		s.estimate(part)
	}
	s.gaps = slices.Concat(s.gaps[:i:i], parts, rest)
}

func (s *sampler) sample(objects []store.Object) *sampled {
	p := &sampled{book: s.enter(objects), n: len(objects), first: objects[0].Key, last: objects[len(objects)-1].Key}
	for i := range min(keysPerSample, len(objects)) {
		p.keys = append(p.keys, objects[i*(len(objects)-1)/max(1, min(keysPerSample, len(objects))-1)].Key)
	}
	s.pages = append(s.pages, p)
	return p
}

// findEnd narrows the gap that has no end, character by character of the last
// key: each probe halves what the next character may be.
func (s *sampler) findEnd(ctx context.Context) error {
	base := s.in.Prefix
	for range maxDigits {
		low, high := rune(' '), rune(utf8.RuneSelf-1)
		ascii, err := s.beyond(ctx, base+string(high))
		if ascii {
			low, high = high, utf8.MaxRune
		}
		for err == nil && low+1 < high {
			mid, some := middle(low, high), false
			if some, err = s.beyond(ctx, base+string(mid)); some {
				low = mid
			} else {
				high = mid
			}
		}
		if err != nil || s.openEnd() == nil || s.asked >= maxEndProbes {
			return err
		}
		base += string(low)
		if base, err = s.jump(ctx, base); err != nil {
			return err
		}
	}
	return nil
}

// middle is a character between two; halves of a surrogate pair are none.
func middle(low, high rune) rune {
	mid := low + (high-low)/2
	switch {
	case mid < 0xd800 || mid > 0xdfff:
		return mid
	case low < 0xd7ff:
		return 0xd7ff
	}
	return min(0xe000, high-1)
}

// beyond reports whether there are keys greater than from. Once the end is known, or
// maxEndProbes are made, it reports false.
func (s *sampler) beyond(ctx context.Context, from string) (bool, error) {
	g := s.openEnd()
	switch {
	case g == nil || s.asked >= maxEndProbes || g.hi != "" && from >= g.hi:
		return false, nil
	case from <= g.lo:
		return true, nil
	}
	pages := len(s.pages)
	err := s.read(ctx, g, from)
	return len(s.pages) > pages, err
}

// openEnd is the last gap while no page lies behind it; nil once the end is known.
func (s *sampler) openEnd() *gap {
	if n := len(s.gaps); n > 0 && s.gaps[n-1].after == nil {
		return s.gaps[n-1]
	}
	return nil
}

// jump returns what all keys from base on begin with, where one or two probes
// show that; otherwise base.
func (s *sampler) jump(ctx context.Context, base string) (string, error) {
	for range 2 {
		common := s.common(base)
		if len(common) <= len(base) {
			return base, nil
		}
		if some, err := s.beyond(ctx, common+string(utf8.MaxRune)); !some {
			return common, err
		}
	}
	return base, nil
}

// common is what all known keys from base on begin with.
func (s *sampler) common(base string) string {
	common := ""
	for _, p := range s.pages {
		for _, key := range p.keys {
			switch {
			case key < base:
			case common == "":
				common = key
			default:
				common = runePrefix(common, key)
			}
		}
	}
	return common
}

// next are up to n probes. Most go where most objects may be. The others go wide:
// behind all names that begin as the gap does, where the names on both sides of it
// part soonest, so that no directory is missed whose neighbours seem small.
func (s *sampler) next(n int) []probe {
	wide := slices.DeleteFunc(slices.Clone(s.gaps), func(g *gap) bool { return g.fence == "" })
	slices.SortStableFunc(wide, func(a, b *gap) int { return cmp.Compare(len(a.common), len(b.common)) })
	var open []probe
	taken := map[*gap]bool{}
	for _, g := range wide[:min(len(wide), n*wideProbes/parallelProbes)] {
		open, taken[g] = append(open, probe{g, g.fence}), true
	}
	heavy := slices.DeleteFunc(slices.Clone(s.gaps), func(g *gap) bool { return taken[g] })
	slices.SortStableFunc(heavy, func(a, b *gap) int { return cmp.Compare(b.weight, a.weight) })
	for _, g := range heavy[:min(len(heavy), n-len(open))] {
		open = append(open, probe{g, g.mid})
	}
	return open
}

func (s *sampler) estimateAll() {
	for _, g := range s.gaps {
		s.estimate(g)
	}
}

// distribute adds what the gaps may hold to the pages beside them, and returns how
// many objects there are in all.
func (s *sampler) distribute() (all float64) {
	for _, p := range s.pages {
		p.extra = 0
		all += float64(p.n)
	}
	for _, g := range s.gaps {
		n := 0
		for _, p := range []*sampled{g.before, g.after} {
			if p != nil {
				n += p.n
			}
		}
		if n == 0 {
			continue
		}
		all += g.weight
		for _, p := range []*sampled{g.before, g.after} {
			if p != nil {
				p.extra += g.weight * float64(p.n) / float64(n)
			}
		}
	}
	return all
}
