package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Progress is one walk over the named and the written records of a run: what
// there is to do, and what of it is done. It costs one listing per thousand
// records and one or two reads per shard.
type Progress struct {
	Started  Started
	Shards   []Shard   // every shard a record names, by the start of its range
	Reported bool      // the run is over
	Newest   time.Time // when its newest record was written, by the store's clock; those of parts of big objects are not looked at
	Stalled  time.Time // since when the run had made no progress when it was last found stalled; zero where it never was
}

// StalledSince returns since when a run is stalled, zero where it is not: it
// was found so, and no record is newer. Of a run that is stopped it says nothing.
func (p Progress) StalledSince() time.Time {
	if p.Reported || p.Newest.Truncate(time.Millisecond).After(p.Stalled) {
		return time.Time{}
	}
	return p.Stalled
}

// Shard is one shard as it stands.
type Shard struct {
	Ref    ShardRef
	Closed *Closed    // nil while it is being listed
	Sealed Sealing    // what its closing sealed
	Proved *Proved    // nil while its verification is open
	Open   []BatchRef // batches not written off yet; of a retried one, the newest retry
	Extra  []BatchRef // the same of what may have to be deleted
}

// Sealing counts what a closing sealed to be copied.
type Sealing struct {
	Batches int64 `json:"batches"`
	Pending Tally `json:"pending"`
}

// walkers is how many requests one walk makes at a time.
const walkers = 32

// Walk reads the progress of the run. A run that was never started is NotFound.
func (r *Run) Walk(ctx context.Context) (Progress, error) { return r.walk(ctx, true) }

// Glance is Walk for who wants to know how far the run is, no more: of a
// verified shard it reads one record, and Closed lacks its batches.
func (r *Run) Glance(ctx context.Context) (Progress, error) { return r.walk(ctx, false) }

func (r *Run) walk(ctx context.Context, full bool) (Progress, error) {
	w := walk{run: r, full: full, closed: map[string]*Closed{}, proved: map[string]*Proved{}}
	var err error
	if w.Started, err = r.Started(ctx); err != nil {
		return w.Progress, err
	}
	w.Newest = w.Started.At
	if w.Started.Events {
		err := w.events(ctx)
		return w.Progress, err
	}
	if err := w.list(ctx); err != nil {
		return w.Progress, err
	}
	if err := w.read(ctx); err != nil {
		return w.Progress, err
	}
	w.tree()
	err = w.open(ctx)
	return w.Progress, err
}

// walk is one walk under way.
type walk struct {
	Progress
	run  *Run
	full bool

	mu     sync.Mutex
	closed map[string]*Closed // nil until they are read
	proved map[string]*Proved
}

// saw takes in when a record was written.
func (w *walk) saw(o store.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Newest = later(w.Newest, o.Modified)
}

// list finds which shards are closed and verified, and how the whole stands.
func (w *walk) list(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	names := func(prefix string, visit func(name string, o store.Object)) {
		g.Go(func() error {
			return w.run.objects(ctx, store.Range{Prefix: prefix}, func(name string, o store.Object) { visit(strings.TrimPrefix(name, prefix), o) })
		})
	}
	names("closed/", func(shard string, o store.Object) { w.saw(o); w.closed[shard] = nil })
	names("verified/", func(shard string, o store.Object) { w.saw(o); w.proved[shard] = nil })
	names("report.json", func(string, store.Object) { w.Reported = true })
	names("stalled/", func(when string, _ store.Object) {
		if at, err := time.Parse(stallTime, when); err == nil {
			w.Stalled = at
		}
	})
	return g.Wait()
}

// read reads the records of all shards. That they are all known by name saves
// following children from one to the next: a chain has as many as there are shards.
func (w *walk) read(ctx context.Context) error {
	closed, proved := w.closed, w.proved
	w.closed, w.proved = map[string]*Closed{}, map[string]*Proved{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for shard := range proved {
		_, byList := closed[shard]
		delete(closed, shard)
		g.Go(func() error { return w.readProved(ctx, shard, byList) })
	}
	for shard := range closed {
		g.Go(func() error { return w.readClosed(ctx, shard) })
	}
	return g.Wait()
}

func (w *walk) readProved(ctx context.Context, shard string, byList bool) error {
	p, err := w.run.Proved(ctx, shard)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.proved[shard] = &p
	brief := !w.full && p.Was != nil && !p.Was.Deletes
	if brief && byList {
		c := p.Was.closed(shard)
		w.closed[shard] = &c
	}
	w.mu.Unlock()
	if brief || !byList {
		return nil
	}
	return w.readClosed(ctx, shard)
}

func (w *walk) readClosed(ctx context.Context, shard string) error {
	c, err := w.run.Closed(ctx, shard)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[shard] = &c
	return err
}

// tree follows the shards that records name, from the root.
func (w *walk) tree() {
	type node struct {
		ref    ShardRef
		closed *Closed
	}
	for todo := []node{{w.Started.Root, w.closed[w.Started.Root.Shard]}}; len(todo) > 0; todo = todo[1:] {
		s := Shard{Ref: todo[0].ref, Closed: todo[0].closed}
		if c := s.Closed; c != nil {
			s.Proved = w.proved[s.Ref.Shard]
			for _, child := range c.Children {
				todo = append(todo, node{child, w.closed[child.Shard]})
			}
		}
		if p := s.Proved; p != nil && p.Next != nil {
			todo = append(todo, node{ShardRef{Shard: p.Next.Shard, Range: p.Next.Range}, p.Next})
		}
		switch {
		case s.Closed == nil:
		case s.Proved != nil && len(s.Closed.Batches) == 0 && s.Proved.Was != nil:
			s.Sealed = s.Proved.Was.Sealed
		default:
			s.Sealed = s.Closed.sealed()
		}
		w.Shards = append(w.Shards, s)
	}
	slices.SortStableFunc(w.Shards, func(a, b Shard) int {
		return cmp.Or(cmp.Compare(a.Ref.Range.After, b.Ref.Range.After), cmp.Compare(a.Ref.Shard, b.Ref.Shard))
	})
}

// open finds which batches are not written off.
func (w *walk) open(ctx context.Context) error {
	var need []*Shard
	for i := range w.Shards {
		if s := &w.Shards[i]; s.Closed != nil && (s.Proved == nil && s.Sealed.Batches > 0 || len(s.Closed.Deletes) > 0) {
			need = append(need, s)
		}
	}
	if len(need) == 0 {
		return nil
	}
	found, err := w.writtenOff(ctx, need)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for _, s := range need {
		g.Go(func() (err error) {
			if s.Extra, err = w.run.open(ctx, s.Closed.Deletes, found); err != nil || s.Proved != nil {
				return err // verified: every batch is written off
			}
			s.Open, err = w.run.open(ctx, s.Closed.Batches, found)
			return err
		})
	}
	return g.Wait()
}

// writtenOff lists the write-offs of some shards, a stretch of their names at
// a time: there may be a thousand pages of them.
func (w *walk) writtenOff(ctx context.Context, shards []*Shard) (written, error) {
	var all written
	names := make([]string, len(shards))
	for i, s := range shards {
		names[i] = s.Ref.Shard + "-" // as the names of its batches begin
	}
	slices.Sort(names)
	parts := slices.Collect(slices.Chunk(names, (len(names)+walkers-1)/walkers))
	found := make([][]string, len(parts))
	g, gctx := errgroup.WithContext(ctx)
	for i, part := range parts {
		in := store.Range{Prefix: "copied/", After: "copied/" + part[0], UpTo: "copied/" + part[len(part)-1] + last}
		g.Go(func() error {
			return w.run.objects(gctx, in, func(name string, o store.Object) {
				w.saw(o)
				found[i] = append(found[i], strings.TrimPrefix(name, "copied/"))
			})
		})
	}
	if err := g.Wait(); err != nil {
		return all, err
	}
	all.copied = slices.Concat(found...)
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	err := w.run.objects(ctx, store.Range{Prefix: "again/"}, func(name string, o store.Object) {
		w.saw(o)
		all.again = append(all.again, strings.TrimPrefix(name, "again/"))
	})
	return all, err
}

// last is behind every name that begins alike.
const last = "\U0010ffff"

// Done reports whether nothing of the run is open but its report.
func (p Progress) Done() bool {
	return !slices.ContainsFunc(p.Shards, func(s Shard) bool { return !s.Done() })
}

// Done reports whether the shard is closed and proved, or given up at either.
func (s Shard) Done() bool { return s.Closed != nil && s.Proved != nil }

// Missing reports whether err says that a record is not there yet.
func Missing(err error) bool { return fault.KindOf(err) == fault.NotFound }

// Unreadable reports whether err says that a record is there and cannot be read:
// it is damaged (Corrupt), or a newer version wrote it (Newer).
func Unreadable(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Corrupt || kind == fault.Newer
}
