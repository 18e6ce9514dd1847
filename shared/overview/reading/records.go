package reading

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
)

// order spreads shards evenly: what is read first of many is a sample of all.
func order(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return h.Sum64() * 0x9E3779B97F4A7C15
}

// readRecords reads closings and verifications that were not read yet: as many as there are
// requests for, so that the write-offs of those that are open can be listed, too.
func (r *Reader) readRecords(ctx context.Context) error {
	var names []string
	for name, s := range r.Shards {
		if s.Closed && !s.Read || s.Proved && !s.Seen {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(order(a), order(b)) })
	cost := func(s *Shard) int {
		if s.Proved {
			return 1
		}
		return 2
	}
	left := r.budget.left()
	if r.filled {
		left /= 2
	}
	var some []*Shard // looked up before what is read adds others
	for _, name := range names {
		if left -= cost(r.Shards[name]); left < 0 {
			break
		}
		some = append(some, r.Shards[name])
	}
	r.budget.spent(len(some))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, s := range some {
		proved := s.Proved
		g.Go(func() error {
			if proved {
				return r.readProved(gctx, s)
			}
			return r.readClosed(gctx, s)
		})
	}
	return g.Wait()
}

// unreadable takes in that a record cannot be read, and reports whether that is what err says.
func unreadable(r *Reader, name string, err error) bool {
	if !ledger.Unreadable(err) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.Damaged) < mostDamaged {
		r.Damaged = append(r.Damaged, r.Run.Path(name))
	}
	return true
}

func (r *Reader) readClosed(ctx context.Context, s *Shard) error {
	c, err := r.Run.Shards().ReadListed(ctx, s.Name)
	switch {
	case unreadable(r, "closed/"+s.Name, err):
		c = ledger.Closed{Shard: s.Name, Failed: err.Error()}
	case ledger.Missing(err):
		return nil // it is listed, and cannot be read yet
	case err != nil:
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	closedAs(r, s, c)
	return nil
}

// closedAs takes in what a closing says. The caller holds mu.
func closedAs(r *Reader, s *Shard, c ledger.Closed) {
	was := *s // what its stretches told is in its closing
	done := map[string]bool{}
	for _, b := range was.batches {
		if b.done {
			done[b.id] = true
		}
	}
	r.room += len(s.batches)
	s.batches, s.Sealed, s.ToCopy, s.Done, s.ended = nil, 0, ledger.Tally{}, 0, ledger.Tally{}
	s.Closed, s.Read, s.Failed, s.Known = true, true, c.Failed, true
	s.Ref.Range, s.children = c.Range, nil
	s.Listed, s.Excluded = c.Counts.Listed, c.Counts.Excluded
	s.take(c.Batches, &r.room)
	for i, b := range s.batches {
		if done[b.id] {
			s.batches[i].done = true
			s.Done++
			s.ended.Add(int64(b.pending), b.bytes)
		}
	}
	for _, child := range c.Children {
		s.children = append(s.children, child.Shard)
		refer(r, child)
	}
}

// refer takes in that a record names a shard. The caller holds mu.
func refer(r *Reader, ref ledger.ShardRef) {
	if s := r.shard(ref.Shard); !s.Known {
		s.Ref, s.Known = ref, true
	}
}

func (r *Reader) readProved(ctx context.Context, s *Shard) error {
	p, err := r.Run.Shards().ReadVerified(ctx, s.Name)
	switch {
	case unreadable(r, "verified/"+s.Name, err):
		p = ledger.Proved{Shard: s.Name, Failed: err.Error()}
	case ledger.Missing(err):
		return nil
	case err != nil:
		return err
	}
	_, again := ledger.ParentOf(s.Name)
	r.mu.Lock()
	read := s.Read
	r.mu.Unlock()
	if p.Was == nil && !again && !read { // of an older version
		r.budget.spent(1)
		if err := r.readClosed(ctx, s); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Was != nil {
		s.Sealed, s.ToCopy = 0, ledger.Tally{}
		closedAs(r, s, p.Was.Closed(s.Name))
		s.Excluded = p.Counts.Excluded
		s.Sealed, s.ToCopy = p.Was.Sealed.Batches, p.Was.Sealed.Pending
	}
	s.Read, s.Seen, s.Counts, s.Unproved = true, true, p.Counts, p.Failed
	s.Done, s.ended = s.Sealed, s.ToCopy
	s.forget(&r.room)
	if p.Profile != nil {
		r.Base.AddTimeline(p.Profile.Times)
	}
	keepFailures(r, p.Failures)
	if p.Next != nil { // what had changed at the source, sealed again
		s.children = append(s.children, p.Next.Shard)
		refer(r, ledger.ShardRef{Shard: p.Next.Shard, Range: p.Next.Range})
		next := r.shard(p.Next.Shard)
		if !next.Seen {
			closedAs(r, next, *p.Next)
		}
	}
	return nil
}

// keepFailures keeps the first failures, by key. The caller holds mu.
func keepFailures(r *Reader, more []ledger.Failure) {
	if len(more) == 0 {
		return
	}
	r.Failures = append(r.Failures, more...)
	slices.SortFunc(r.Failures, func(a, b ledger.Failure) int { return strings.Compare(a.Key, b.Key) })
	if r.More = r.More || len(more) >= ledger.MaxFailures || len(r.Failures) > ledger.MaxFailures; len(r.Failures) > ledger.MaxFailures {
		r.Failures = slices.Clone(r.Failures[:ledger.MaxFailures])
	}
}
