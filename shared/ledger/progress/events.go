package progress

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/store"
)

// events is the walk of a run of events: its listings, ten minutes side by side,
// and a read for each event that did not end at once. An event that has no
// record yet is not known here.
func (w *walk) events(ctx context.Context) error {
	if err := w.list(ctx); err != nil {
		return err
	}
	if err := w.readProved(ctx); err != nil {
		return err
	}
	proved := w.shards
	w.shards = map[string]*Shard{}
	// Write-offs are listed before what was sealed again, as in writtenOff.
	err := eachEvent(ctx, w.run, "copied/", func(string) func(string, store.Object) { return w.countEvent })
	if err != nil {
		return err
	}
	err = openEvents(ctx, w.run, w.saw, func(root string, b ledger.BatchRef) {
		w.mu.Lock()
		s := w.eventShard(root)
		s.Left.Add(b)
		w.mu.Unlock()
		if w.keeps(b) {
			w.mu.Lock()
			s.Open = append(s.Open, b)
			w.mu.Unlock()
		}
	})
	for name, s := range w.shards {
		if p, ok := proved[name]; ok {
			s.Proved = p.Proved
		}
		n := s.Closed.Counts.Listed.Objects
		s.Sealed = ledger.Sealing{Batches: n, Pending: ledger.Tally{Objects: n}}
		slices.SortFunc(s.Closed.Batches, func(a, b ledger.BatchRef) int { return cmp.Compare(a.ID, b.ID) })
		w.Shards = append(w.Shards, *s)
	}
	slices.SortFunc(w.Shards, func(a, b Shard) int { return cmp.Compare(a.Ref.Shard, b.Ref.Shard) })
	return err
}

// countEvent takes the record of an event into its shard.
func (w *walk) countEvent(id string, o store.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Newest = later(w.Newest, o.Modified)
	if !eventnames.IsBatch(id) {
		return
	}
	s := w.eventShard(id)
	s.Closed.Counts.Listed.Objects++
	if w.full {
		s.Closed.Batches = append(s.Closed.Batches, ledger.EventRef(id))
	}
}

// eventShard is the shard of an event's batch. The caller holds mu.
func (w *walk) eventShard(id string) *Shard {
	name := eventnames.Shard(id)
	s := w.shard(name)
	if s.Closed == nil {
		s.Ref.Shard, s.Closed = name, &ledger.Closed{V: ledger.Version, Shard: name}
	}
	return s
}

// aPage is how many names a request for a listing returns.
const aPage = 1000

// eachEvent visits the names below prefix, without it: the first page, and what
// is behind it ten minutes side by side. visitor is called for each of these
// stretches with the name that it begins behind; what it returns visits the
// names of its stretch in order.
func eachEvent(ctx context.Context, r *ledger.Run, prefix string, visitor func(after string) func(name string, o store.Object)) error {
	list := func(ctx context.Context, in store.Range, most int) (end string, err error) {
		in.Prefix = prefix
		visit, n := visitor(strings.TrimPrefix(in.After, prefix)), 0
		err = r.Folder().ListUntil(ctx, in, func(name string, o store.Object) bool {
			visit(strings.TrimPrefix(name, prefix), o)
			if n++; n == most {
				end = name
			}
			return n != most
		})
		return end, err
	}
	end, err := list(ctx, store.Range{}, aPage)
	if err != nil || end == "" {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for at := range 24 * 6 {
		upTo := fmt.Sprintf("%se%02d%d%s", prefix, at/6, at%6, last)
		if at == 24*6-1 {
			upTo = ""
		}
		if upTo != "" && upTo <= end {
			continue
		}
		in := store.Range{After: end, UpTo: upTo}
		end = upTo
		g.Go(func() error {
			_, err := list(gctx, in, 0)
			return err
		})
	}
	return g.Wait()
}

// openEvents visits the batches of events that were handed on and have not
// ended, with the batch that each began as. It lists what was handed on, no
// more: few events are.
func openEvents(ctx context.Context, r *ledger.Run, saw func(store.Object), visit func(root string, open ledger.BatchRef)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	err := eachEvent(ctx, r, "again/", func(after string) func(string, store.Object) {
		before, _, _ := strings.Cut(after, ".")
		return func(batch string, o store.Object) {
			saw(o)
			root, _, retry := strings.Cut(batch, ".")
			if !retry || root == before || !eventnames.IsBatch(root) {
				return
			}
			before = root
			g.Go(func() error {
				off, err := r.Batches().ReadWriteOff(ctx, root)
				if ledger.Missing(err) || fault.KindOf(err) == fault.Corrupt {
					return nil // nothing names what was sealed, or it cannot be read: the day's report tells
				}
				if err != nil {
					return err
				}
				return openIn(ctx, r, off.Rest, written{roots: true}, func(b ledger.BatchRef) { visit(root, b) })
			})
		}
	})
	return cmp.Or(g.Wait(), err)
}

// OpenEvents returns the batches of events that were handed on and have not
// ended, as many as a Glance holds.
func OpenEvents(ctx context.Context, r *ledger.Run) (open []ledger.BatchRef, err error) {
	var mu sync.Mutex
	w := newWalk(r, false)
	err = openEvents(ctx, r, func(store.Object) {}, func(_ string, b ledger.BatchRef) {
		if w.keeps(b) {
			mu.Lock()
			defer mu.Unlock()
			open = append(open, b)
		}
	})
	slices.SortFunc(open, func(a, b ledger.BatchRef) int { return cmp.Compare(a.ID, b.ID) })
	return open, err
}

// Events returns up to most batches of events, the first of a stretch of their names.
func Events(ctx context.Context, r *ledger.Run, in store.Range, most int) (found []ledger.BatchRef, err error) {
	const folder = "copied/"
	in.Prefix = folder + in.Prefix
	if in.After != "" {
		in.After = folder + in.After
	}
	if in.UpTo != "" {
		in.UpTo = folder + in.UpTo
	}
	err = r.Folder().ListUntil(ctx, in, func(name string, _ store.Object) bool {
		if id := strings.TrimPrefix(name, folder); eventnames.IsBatch(id) {
			found = append(found, ledger.EventRef(id))
		}
		return len(found) < most
	})
	return found, err
}

// EventsOf finds the batches of key's events in a run of events, oldest first.
func EventsOf(ctx context.Context, r *ledger.Run, key string) (found []ledger.BatchRef, err error) {
	var mu sync.Mutex
	end := eventnames.Suffix(key)
	err = eachEvent(ctx, r, "copied/", func(string) func(string, store.Object) {
		return func(id string, _ store.Object) {
			if eventnames.IsBatch(id) && strings.HasSuffix(id, end) {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, ledger.EventRef(id))
			}
		}
	})
	slices.SortFunc(found, func(a, b ledger.BatchRef) int { return cmp.Compare(a.ID, b.ID) })
	return found, err
}
