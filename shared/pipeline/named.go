package pipeline

import (
	"context"
	"iter"
	"sort"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// named is a source whose listing is the keys that the job names: each is
// looked up by a HEAD. One that the source does not have is yielded all the
// same, as an absent object, for whoever named it wants to know.
type named struct {
	store.Source
	run  *ledger.Run
	keys []ledger.KeySegment
}

const (
	// lookups is how many keys are looked up at a time, and lookAhead how many
	// at most are looked up before they are asked for.
	lookups   = 16
	lookAhead = 64
)

func (n *named) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, s := range n.keys {
			if s.Last <= r.After && r.After != "" || r.UpTo != "" && s.First > r.UpTo {
				continue
			}
			keys, err := n.run.Keys(ctx, s)
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
			// One alone first: whoever probes takes no more.
			for ahead := 1; len(keys) > 0; ahead = lookAhead {
				k := min(ahead, len(keys))
				found, err := n.look(ctx, keys[:k])
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

func (n *named) look(ctx context.Context, keys []string) ([]store.Object, error) {
	found := make([]store.Object, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, key := range keys {
		g.Go(func() error {
			o, err := store.Retry(ctx, store.Pauses(), "pipeline.look", key, func() (store.Object, error) { return n.Stat(ctx, key) })
			if fault.KindOf(err) == fault.NotFound {
				o, err = store.Absent(key), nil
			}
			found[i] = o
			return err
		})
	}
	return found, g.Wait()
}
