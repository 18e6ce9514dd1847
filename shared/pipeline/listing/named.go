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
	Read        func(ctx context.Context) ([]string, error) // all of them, in order
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
			if s.Last <= r.After && r.After != "" || r.UpTo != "" && s.First > r.UpTo {
				continue
			}
			keys, err := s.Read(ctx)
			if err != nil {
				yield(store.Object{}, err)
				return
			}
			if r.After != "" {
				keys = keys[sort.Search(len(keys), func(i int) bool { return keys[i] > r.After }):]
			}
			if r.UpTo != "" {
				keys = keys[:sort.Search(len(keys), func(i int) bool { return keys[i] > r.UpTo })]
			}
			// One alone first: a probe takes no more.
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
