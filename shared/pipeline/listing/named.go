package listing

import (
	"context"
	"iter"
	"sort"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Named is a source whose listing is a list of keys, each looked up by a HEAD. A key
// that the source does not have is yielded as an absent object.
type Named struct {
	store.Source
	Keys []Keys // in order
}

// Keys is a part of a list of keys.
type Keys struct {
	First, Last string
	Count       int
	Read        func(ctx context.Context) ([]string, error) // all of them, in order
}

// besides reports whether none of the keys are in r.
func (k *Keys) besides(r store.Range) bool {
	return r.After != "" && k.Last <= r.After || r.UpTo != "" && k.First > r.UpTo
}

// in reads the keys that are in r.
func (k *Keys) in(ctx context.Context, r store.Range) ([]string, error) {
	keys, err := k.Read(ctx)
	if err != nil {
		return nil, err
	}
	if r.After != "" {
		keys = keys[sort.Search(len(keys), func(i int) bool { return keys[i] > r.After }):]
	}
	if r.UpTo != "" {
		keys = keys[:sort.Search(len(keys), func(i int) bool { return keys[i] > r.UpTo })]
	}
	return keys, nil
}

const (
	// headsAtOnce is how many keys are looked up at a time, and headsAhead how many
	// at most are looked up before they are asked for.
	headsAtOnce = 16
	headsAhead  = 64
)

// List yields the objects of the keys in r, in order.
func (n *Named) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, s := range n.Keys {
			if s.besides(r) {
				continue
			}
			keys, err := s.in(ctx, r)
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			// One alone first: who asks whether the source answers takes no more.
			for ahead := 1; len(keys) > 0; ahead = headsAhead {
				k := min(ahead, len(keys))
				found, err := n.stat(ctx, keys[:k])
				if err != nil {
					yield(store.Object{}, err)
					return
				}
				for _, o := range found {
					if !yield(o, nil) {
						return
					}
				}
				keys = keys[k:]
			}
		}
	}
}

// stat looks up keys side by side.
func (n *Named) stat(ctx context.Context, keys []string) ([]store.Object, error) {
	found := make([]store.Object, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headsAtOnce)
	for i, key := range keys {
		g.Go(func() error {
			o, err := store.Retry(ctx, store.Pauses(), "listing.Named", key, func() (store.Object, error) { return n.Stat(ctx, key) })
			if fault.KindOf(err) == fault.NotFound {
				o, err = store.Absent(key), nil
			}
			found[i] = o
			return err
		})
	}
	return found, g.Wait()
}

// split cuts r into 1 to most ranges of as many keys each, and of at most full keys where
// these are enough. It asks the source nothing, for any key of the list is a border, and
// reads those parts of the list that r or a border cuts. An error ends it: the whole
// range is always an answer.
func (n *Named) split(ctx context.Context, r store.Range, full int64, most int) []store.Range {
	type part struct {
		Keys
		keys []string // nil: not read
	}
	var parts []part
	left := 0
	for _, k := range n.Keys {
		if k.besides(r) {
			continue
		}
		p := part{Keys: k}
		if k.First <= r.After || r.UpTo != "" && k.Last > r.UpTo {
			keys, err := k.in(ctx, r)
			if err != nil {
				return []store.Range{r}
			}
			p.keys, p.Count = keys, len(keys)
		}
		parts, left = append(parts, p), left+p.Count
	}
	cuts := int(max(1, min(int64(most), (int64(left)+full-1)/full)))
	var out []store.Range
	rest, before, at := r, 0, 0 // before: keys in the parts before the one at
	for i := 1; i < cuts; i++ {
		last := left*i/cuts - 1 // of the range
		for last-before >= parts[at].Count {
			before, at = before+parts[at].Count, at+1
		}
		p := &parts[at]
		if p.keys == nil {
			keys, err := p.in(ctx, r)
			if err != nil || len(keys) != p.Count {
				return []store.Range{r}
			}
			p.keys = keys
		}
		if border := p.keys[last-before]; IsBorder(border) {
			out = append(out, store.Range{Prefix: r.Prefix, After: rest.After, UpTo: border})
			rest.After = border
		}
	}
	return append(out, rest)
}
