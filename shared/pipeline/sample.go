package pipeline

import (
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

const (
	samplePages = 200 // requests of a quick plan for keys, about
	together    = 8   // of them at the same time
	wideShare   = 3   // of those, to find what nothing points to
	endProbes   = 60  // at most, to find where the names end
	remembered  = 48  // keys that are kept of each page, to tell what names look like
	relearn     = 6   // rounds after which all gaps are weighed again, by what is known of the names by then
	pageKeys    = 1000
)

// sampler looks into a bucket here and there. What it knows of the names is a
// row of pages, which are known exactly, and the gaps between them.
type sampler struct {
	list  func(ctx context.Context, r store.Range) ([]store.Object, bool, error)
	in    store.Range
	enter func(objects []store.Object) *book
	gaps  []*gap
	pages []*sampled
	asked int
}

// sampled is one page, without its objects.
type sampled struct {
	book        *book
	n           int
	first, last string
	keys        []string // some, evenly
	extra       float64  // objects in gaps that are taken to be like its own
}

// run samples until the budget, ctx or the bucket ends. An error is the end of
// sampling, not of what was sampled before.
func (s *sampler) run(ctx context.Context) error {
	first := &gap{hi: s.in.UpTo}
	s.gaps = []*gap{first}
	if err := s.probe(ctx, first, ""); err != nil {
		return err
	}
	if err := s.findEnd(ctx); err != nil {
		return err
	}
	defer s.weighAll()
	for round := 1; s.asked < samplePages; round++ {
		if round%relearn == 0 {
			s.weighAll()
		}
		if open := s.next(min(together, samplePages-s.asked)); len(open) == 0 {
			return nil
		} else if err := s.probeAll(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// question is where to look into a gap.
type question struct {
	at   *gap
	from string
}

// probeAll asks several questions at the same time.
func (s *sampler) probeAll(ctx context.Context, open []question) error {
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

// answer is a page as it came.
type answer struct {
	objects []store.Object
	more    bool
	ok      bool
}

func (s *sampler) ask(ctx context.Context, g *gap, from string) (answer, error) {
	objects, more, err := s.list(ctx, store.Range{Prefix: s.in.Prefix, After: from, UpTo: g.hi})
	return answer{objects, more, err == nil}, err
}

// probe looks into g behind from.
func (s *sampler) probe(ctx context.Context, g *gap, from string) error {
	a, err := s.ask(ctx, g, from)
	if err == nil {
		s.split(g, from, a)
	}
	return err
}

// split takes in what was found behind from, in g.
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
		s.weigh(part)
	}
	s.gaps = slices.Concat(s.gaps[:i:i], parts, rest)
}

func (s *sampler) sample(objects []store.Object) *sampled {
	p := &sampled{book: s.enter(objects), n: len(objects), first: objects[0].Key, last: objects[len(objects)-1].Key}
	for i := range min(remembered, len(objects)) {
		p.keys = append(p.keys, objects[i*(len(objects)-1)/max(1, min(remembered, len(objects))-1)].Key)
	}
	s.pages = append(s.pages, p)
	return p
}

// findEnd narrows the gap that has no end, character by character of the last
// key: each question halves what the next character may be.
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
		if err != nil || s.openEnd() == nil || s.asked >= endProbes {
			return err
		}
		base += string(low)
		if base, err = s.jump(ctx, base); err != nil {
			return err
		}
	}
	return nil
}

// middle is a character between two, which half a pair is not.
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

// beyond reports whether there are keys greater than from. Once the end was
// seen, or enough was asked, it says no.
func (s *sampler) beyond(ctx context.Context, from string) (bool, error) {
	g := s.openEnd()
	switch {
	case g == nil || s.asked >= endProbes || g.hi != "" && from >= g.hi:
		return false, nil
	case from <= g.lo:
		return true, nil
	}
	pages := len(s.pages)
	err := s.probe(ctx, g, from)
	return len(s.pages) > pages, err
}

// openEnd is the last gap while no page lies behind it; nil once the end was seen.
func (s *sampler) openEnd() *gap {
	if n := len(s.gaps); n > 0 && s.gaps[n-1].after == nil {
		return s.gaps[n-1]
	}
	return nil
}

// jump returns what all keys from base on begin with, where one or two
// questions tell; otherwise base.
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

// next are up to n questions. Most go where most objects may be. The others
// go wide: behind all names that begin as the gap does, where the names on
// both sides of it part soonest, so that no directory is missed whose
// neighbours look small.
func (s *sampler) next(n int) []question {
	wide := slices.DeleteFunc(slices.Clone(s.gaps), func(g *gap) bool { return g.fence == "" })
	slices.SortStableFunc(wide, func(a, b *gap) int { return cmp.Compare(len(a.common), len(b.common)) })
	var open []question
	taken := map[*gap]bool{}
	for _, g := range wide[:min(len(wide), n*wideShare/together)] {
		open, taken[g] = append(open, question{g, g.fence}), true
	}
	heavy := slices.DeleteFunc(slices.Clone(s.gaps), func(g *gap) bool { return taken[g] })
	slices.SortStableFunc(heavy, func(a, b *gap) int { return cmp.Compare(b.weight, a.weight) })
	for _, g := range heavy[:min(len(heavy), n-len(open))] {
		open = append(open, question{g, g.mid})
	}
	return open
}

func (s *sampler) weighAll() {
	for _, g := range s.gaps {
		s.weigh(g)
	}
}

// share gives what the gaps may hold to the pages beside them, and returns how
// many objects that makes in all.
func (s *sampler) share() (all float64) {
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
