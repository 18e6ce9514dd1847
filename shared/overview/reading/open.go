package reading

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/store"
)

// mostListing is how many shards are looked at, at a refresh, that are being listed.
const mostListing = 3

// readListing reads what was sealed so far of shards that are being listed: those that were
// not looked at for longest.
func (r *Reader) readListing(ctx context.Context) error {
	var listing []*Shard
	for _, s := range r.Shards {
		if s.Known && !s.Closed {
			listing = append(listing, s)
		}
	}
	slices.SortFunc(listing, func(a, b *Shard) int {
		return cmp.Or(a.LookedAt.Compare(b.LookedAt), strings.Compare(a.Ref.Range.After, b.Ref.Range.After))
	})
	most := mostListing
	if !r.filled {
		most = readers
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, s := range listing[:min(len(listing), most)] {
		if r.budget.take(2) < 2 {
			break
		}
		s.LookedAt = r.Now()
		g.Go(func() error {
			found, err := r.Run.Shards().ReadStretchesFrom(gctx, s.Name, s.Stretches, mostStretchesRead)
			if err != nil {
				return err
			}
			r.budget.spent(max(0, len(found)-1))
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, o := range found {
				s.Stretches++
				s.Listed.Add(o.Counts.Listed.Objects, o.Counts.Listed.Bytes)
				s.Excluded.Add(o.Counts.Excluded.Objects, o.Counts.Excluded.Bytes)
				s.take(o.Batches, &r.room)
			}
			return nil
		})
	}
	return g.Wait()
}

// mostStretchesRead is how many stretches of a shard are read at a refresh.
const mostStretchesRead = 8

// readWriteOffs lists which batches ended, of the shards that are open: of those first that
// somebody works at, as far as they tell, and then of those that were not looked at for
// longest.
func (r *Reader) readWriteOffs(ctx context.Context) error {
	at := map[string]bool{}
	for _, s := range r.Signs {
		for _, b := range s.UnderWay {
			name, _, _ := strings.Cut(b.ID, "-")
			at[name] = true
		}
	}
	var open []*Shard
	for _, s := range r.Shards {
		if (s.Read || s.Stretches > 0) && s.Open() {
			open = append(open, s)
		}
	}
	rank := func(s *Shard) int {
		switch {
		case s.behind == "" && s.Done == 0 && s.LookedAt.IsZero():
			return 0 // nothing is known of it
		case at[s.Name]:
			return 1
		}
		return 2
	}
	slices.SortFunc(open, func(a, b *Shard) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.LookedAt.Compare(b.LookedAt), strings.Compare(a.Name, b.Name))
	})
	open = open[:r.budget.take(len(open))]
	now := r.Now()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, s := range open {
		s.LookedAt = now
		g.Go(func() error { return r.listWriteOffs(gctx, s) })
	}
	return g.Wait()
}

// listWriteOffs lists the write-offs of a shard, from those on that may be new.
func (r *Reader) listWriteOffs(ctx context.Context, s *Shard) error {
	type off struct {
		id string
		at time.Time
	}
	prefix := "copied/" + s.Name + "-"
	in := store.Range{Prefix: prefix}
	if s.behind != "" {
		in.After = prefix + s.behind
	}
	var offs []off
	err := r.Run.Folder().List(ctx, in, func(name string, o store.Object) {
		offs = append(offs, off{strings.TrimPrefix(name, prefix), o.Modified})
	})
	r.budget.spent(len(offs) / store.KeysPerPage)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.vague { // counted anew
		s.Done, s.ended, s.Times = 0, ledger.Tally{}, curve.Curve{}
	}
	for _, o := range offs {
		s.wroteOff(o.id, o.at)
		r.Newest = later(r.Newest, o.at)
	}
	s.advance()
	return nil
}

// Pending is what a batch has to be copied that is not known to have ended. ok is false of
// any other.
func (r *Reader) Pending(name string) (t ledger.Tally, ok bool) {
	name, id, _ := strings.Cut(name, "-")
	s := r.Shards[name]
	if s == nil || s.Proved || !s.Read && s.Stretches == 0 {
		return t, false
	}
	if root, _, again := strings.Cut(id, "."); again {
		one := s.retries[root]
		if one == nil || one.ended {
			return t, false
		}
		return one.left, true
	}
	i, ok := slices.BinarySearchFunc(s.batches, id, func(b batch, id string) int { return strings.Compare(b.id, id) })
	if !ok || s.batches[i].done {
		return t, false
	}
	return ledger.Tally{Objects: int64(s.batches[i].pending), Bytes: s.batches[i].bytes}, true
}
