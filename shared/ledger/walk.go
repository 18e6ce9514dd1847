package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
)

// Progress is one walk over the named and the written records of a run: what
// there is to do, and what of it is done. It costs one listing per thousand
// records and one read per shard.
type Progress struct {
	Started  Started
	Shards   []Shard // every shard a record names, by the start of its range
	Reported bool    // the run is over
}

// Shard is one shard as it stands.
type Shard struct {
	Ref    ShardRef
	Closed *Closed    // nil while it is being listed
	Proved *Proved    // nil while its verification is open
	Open   []BatchRef // batches not written off yet; of a retried one, the newest retry
	Extra  []BatchRef // the same of what may have to be deleted
}

// walkers is how many records one walk reads at a time.
const walkers = 16

// Walk reads the progress of the run. A run that was never started is NotFound.
func (r *Run) Walk(ctx context.Context) (Progress, error) {
	var p Progress
	var err error
	if p.Started, err = r.Started(ctx); err != nil {
		return p, err
	}
	if p.Started.Events {
		return r.walkEvents(ctx, p)
	}
	w := written{closed: map[string]bool{}, copied: map[string]bool{}, verified: map[string]bool{}}
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	for prefix, into := range map[string]map[string]bool{"closed/": w.closed, "copied/": w.copied, "verified/": w.verified} {
		if err := r.names(ctx, prefix, func(n string) { into[strings.TrimPrefix(n, prefix)] = true }); err != nil {
			return p, err
		}
	}
	if err := r.names(ctx, "again/", func(n string) { w.again = append(w.again, strings.TrimPrefix(n, "again/")) }); err != nil {
		return p, err
	}
	if err := r.names(ctx, "report.json", func(string) { p.Reported = true }); err != nil {
		return p, err
	}
	for layer := []ShardRef{p.Started.Root}; len(layer) > 0; {
		shards := make([]Shard, len(layer))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(walkers)
		for i, ref := range layer {
			g.Go(func() (err error) {
				shards[i], err = r.shard(gctx, ref, w)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return p, err
		}
		layer = nil
		for _, s := range shards {
			if s.Closed != nil {
				layer = append(layer, s.Closed.Children...)
			}
			if s.Proved != nil && s.Proved.Next != nil {
				layer = append(layer, ShardRef{Shard: s.Proved.Next.Shard, Range: s.Proved.Next.Range})
			}
		}
		p.Shards = append(p.Shards, shards...)
	}
	slices.SortStableFunc(p.Shards, func(a, b Shard) int {
		return cmp.Or(cmp.Compare(a.Ref.Range.After, b.Ref.Range.After), cmp.Compare(a.Ref.Shard, b.Ref.Shard))
	})
	return p, nil
}

// written holds the names of the records that exist.
type written struct {
	closed, copied, verified map[string]bool
	again                    []string // segments sealed again, in order
}

// sealedAgain reports whether the name of a segment that was sealed again begins with prefix.
func (w written) sealedAgain(prefix string) bool {
	i, _ := slices.BinarySearch(w.again, prefix)
	return i < len(w.again) && strings.HasPrefix(w.again[i], prefix)
}

func (r *Run) shard(ctx context.Context, ref ShardRef, w written) (Shard, error) {
	s := Shard{Ref: ref}
	_, again := parentOf(ref.Shard)
	if !again && !w.closed[ref.Shard] {
		return s, nil
	}
	c, err := r.Closed(ctx, ref.Shard)
	if err != nil {
		return s, err
	}
	s.Closed = &c
	if s.Extra, err = r.open(ctx, c.Deletes, w); err != nil {
		return s, err
	}
	if w.verified[ref.Shard] {
		p, err := r.Proved(ctx, ref.Shard)
		s.Proved = &p
		return s, err // verified: every batch is written off
	}
	s.Open, err = r.open(ctx, c.Batches, w)
	return s, err
}

// open returns those of batches, or what took their rest, that are not written off.
func (r *Run) open(ctx context.Context, batches []BatchRef, w written) ([]BatchRef, error) {
	var open []BatchRef
	for todo := slices.Clone(batches); len(todo) > 0; {
		b := todo[0]
		todo = todo[1:]
		if b.Pending == 0 {
			continue
		}
		if !w.copied[b.ID] {
			open = append(open, b)
			continue
		}
		if base, _, _ := strings.Cut(b.ID, "."); !w.sealedAgain(base + ".") {
			continue // never retried: the usual case costs no read
		}
		off, err := r.WrittenOff(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		todo = append(todo, off.Rest...)
	}
	return open, nil
}

// OpenBatches returns batches of a closed shard that are not written off, none
// once all are: first those never written off, and when there are no more of
// these, the newest retries of the others.
func (r *Run) OpenBatches(ctx context.Context, c Closed) ([]BatchRef, error) {
	w := written{copied: map[string]bool{}}
	if !slices.ContainsFunc(c.Batches, func(b BatchRef) bool { return b.Pending > 0 }) {
		return nil, nil
	}
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	prefix := c.Shard + "-"
	if err := r.names(ctx, "copied/"+prefix, func(n string) { w.copied[strings.TrimPrefix(n, "copied/")] = true }); err != nil {
		return nil, err
	}
	var open []BatchRef
	for _, b := range c.Batches {
		if b.Pending > 0 && !w.copied[b.ID] {
			open = append(open, b)
		}
	}
	if len(open) > 0 {
		return open, nil // whoever waits for them need not know of the retries yet
	}
	if err := r.names(ctx, "again/"+prefix, func(n string) { w.again = append(w.again, strings.TrimPrefix(n, "again/")) }); err != nil {
		return nil, err
	}
	return r.open(ctx, c.Batches, w)
}

// Waiting reports, by two listings, whether some closed shard is not verified
// yet. If none is, Walk tells the rest.
func (r *Run) Waiting(ctx context.Context) (bool, error) {
	open := map[string]bool{RootShard: true}
	if err := r.names(ctx, "closed/", func(n string) { open[strings.TrimPrefix(n, "closed/")] = true }); err != nil {
		return false, err
	}
	if err := r.names(ctx, "verified/", func(n string) { delete(open, strings.TrimPrefix(n, "verified/")) }); err != nil {
		return false, err
	}
	return len(open) > 0, nil
}

// Done reports whether nothing of the run is open but its report.
func (p Progress) Done() bool {
	return !slices.ContainsFunc(p.Shards, func(s Shard) bool { return !s.Done() })
}

// Done reports whether the shard is closed and proved, or given up at either.
func (s Shard) Done() bool { return s.Closed != nil && s.Proved != nil }

// Batch finds the batch that would hold key, if any shard sealed it.
func (p Progress) Batch(key string) []BatchRef {
	var found []BatchRef
	for _, s := range p.Shards {
		if s.Closed == nil {
			continue
		}
		for _, b := range s.Closed.Batches {
			if b.First <= key && key <= b.Last {
				found = append(found, b)
			}
		}
	}
	return found
}

// Missing reports whether err says that a record is not there yet.
func Missing(err error) bool { return fault.KindOf(err) == fault.NotFound }
