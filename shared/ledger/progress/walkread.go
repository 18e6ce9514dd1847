package progress

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// within calls f once size bytes more of records may be read.
func (w *walk) within(ctx context.Context, size int64, f func() error) error {
	n := min(max(size, 1), mostRead)
	if err := w.reading.Acquire(ctx, n); err != nil {
		return err
	}
	defer w.reading.Release(n)
	return f()
}

// readProved reads the verifications. All records are known by name: that saves
// following children from one to the next, and a chain has as many as there are shards.
func (w *walk) readProved(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for name, size := range w.proved {
		g.Go(func() error {
			return w.within(ctx, size, func() error { return w.readOneProved(ctx, name) })
		})
	}
	return g.Wait()
}

func (w *walk) readOneProved(ctx context.Context, name string) error {
	read, err := files.ReadRecord[provedIn](ctx, w.run.Folder(), "verified/"+name)
	p := read.Proved // alone: what is kept of it must not keep its failures
	if why, is := w.damaged("verified/"+name, err); is {
		p, err = ledger.Proved{Shard: name, Failed: why}, nil
	}
	if err != nil {
		return notYet(err)
	}
	p.Failed = fault.Brief(p.Failed, mostWords)
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.shard(name)
	s.Proved = &p
	w.Failures = firstFailures(w.Failures, read.Failures)
	w.Profile.Add(p.Profile)
	p.Profile = nil
	if next := p.Next; next != nil {
		again := w.shard(next.Shard)
		again.Ref = ledger.ShardRef{Shard: next.Shard, Range: next.Range}
		w.take(again, *next)
		w.closed[next.Shard] = int64(len(next.Batches)) * 200 // about
	}
	if _, byList := w.closed[name]; byList && !w.full && p.Was != nil && !p.Was.Deletes {
		c := p.Was.Closed(name)
		c.Counts.Excluded = p.Counts.Excluded
		s.Closed, s.Sealed = &c, p.Was.Sealed
	}
	if !w.full {
		p.Was = nil
		if next := p.Next; next != nil {
			p.Next = &ledger.Closed{Shard: next.Shard, Range: next.Range}
		}
	}
	return nil
}

// take takes a closing into its shard. The caller holds mu.
func (w *walk) take(s *Shard, c ledger.Closed) {
	s.Sealed, s.Candidates = c.Sealing(), ledger.Tally{}
	for _, b := range c.Deletes {
		s.Candidates.Add(int64(b.Rows), b.Bytes)
	}
	c.Failed = fault.Brief(c.Failed, mostWords)
	if !w.full {
		c.Batches, c.Deletes = nil, nil
	}
	s.Closed = &c
}

// readClosed reads the closings that the verifications do not repeat, and finds
// which of their batches are open.
func (w *walk) readClosed(ctx context.Context) error {
	var names []string
	for name := range w.closed {
		if s := w.shards[name]; s != nil && s.Closed != nil && (s.Proved != nil || s.Sealed.Batches == 0) {
			continue // known, and nothing of it is open
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(a+"-", b+"-") }) // as their batches are
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for most := (len(names) + walkers - 1) / walkers; len(names) > 0; {
		n, size := 1, w.closed[names[0]]
		for n < min(len(names), most) && size+w.closed[names[n]] <= mostChunk {
			size += w.closed[names[n]]
			n++
		}
		some := names[:n]
		names = names[n:]
		g.Go(func() error {
			return w.within(ctx, size, func() error { return w.readChunk(ctx, some) })
		})
	}
	return g.Wait()
}

// readChunk reads the closings of some shards, whose names are in order, and
// finds which of their batches are open.
func (w *walk) readChunk(ctx context.Context, names []string) error {
	need := map[string]*closing{}
	for _, name := range names {
		c, err := w.run.Shards().ReadListed(ctx, name)
		if why, is := w.damaged("closed/"+name, err); is {
			c, err = ledger.Closed{Shard: name, Failed: why}, nil
		}
		if err != nil {
			return notYet(err)
		}
		w.mu.Lock()
		s := w.shard(name)
		w.take(s, c)
		w.mu.Unlock()
		if s.Proved == nil && s.Sealed.Batches > 0 || len(c.Deletes) > 0 {
			need[name] = &closing{s, c.Batches, c.Deletes}
		}
	}
	if len(need) == 0 {
		return nil
	}
	found, err := w.writtenOff(ctx, names, need)
	if err != nil {
		return err
	}
	for _, c := range need {
		if err := w.open(ctx, c, found); err != nil {
			return err
		}
	}
	return nil
}

// closing is what a walk looks up of a shard.
type closing struct {
	of               *Shard
	batches, deletes []ledger.BatchRef
}

// open finds which batches of a shard are not written off. Where it is
// verified, those to be copied all are.
func (w *walk) open(ctx context.Context, c *closing, found written) error {
	err := openOf(ctx, w.run, c.deletes, found, func(b ledger.BatchRef) {
		if w.keeps(b) {
			c.of.Extra = append(c.of.Extra, b)
		}
	})
	if err != nil || c.of.Proved != nil {
		return err
	}
	return openOf(ctx, w.run, c.batches, found, func(b ledger.BatchRef) {
		c.of.Left.Add(b)
		if w.keeps(b) {
			c.of.Open = append(c.of.Open, b)
		}
	})
}

// keeps reports whether there is room for an open batch more.
func (w *walk) keeps(b ledger.BatchRef) bool {
	if w.full {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.room -= int64(128 + len(b.ID) + len(b.First) + len(b.Last))
	return w.room > 0
}

// writtenOff lists the write-offs of some shards, and of those in need holds
// the names of the batches that were sealed first. What took the rest of a
// batch is read when it comes to that: there may be any number.
func (w *walk) writtenOff(ctx context.Context, names []string, need map[string]*closing) (written, error) {
	found := written{roots: true}
	list := func(prefix string, visit func(batch string)) error {
		in := store.Range{Prefix: prefix, After: prefix + names[0] + "-", UpTo: prefix + names[len(names)-1] + "-" + last}
		return w.run.Folder().List(ctx, in, func(name string, o store.Object) {
			batch := strings.TrimPrefix(name, prefix)
			shard, _, _ := strings.Cut(batch, "-")
			if _, ok := need[shard]; !ok {
				return
			}
			w.saw(o)
			visit(batch)
		})
	}
	err := list("copied/", func(batch string) {
		if !strings.Contains(batch, ".") {
			found.copied = append(found.copied, batch)
		}
	})
	if err != nil {
		return found, err
	}
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	err = list("again/", func(batch string) {
		base, _, retry := strings.Cut(batch, ".")
		if n := len(found.again); retry && (n == 0 || found.again[n-1] != base) {
			found.again = append(found.again, base)
		}
	})
	return found, err
}
