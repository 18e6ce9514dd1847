package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Progress is one walk over the named and the written records of a run: what
// there is to do, and what of it is done. It costs one listing per thousand
// records and one or two reads per shard.
//
// What a Glance holds is bounded: some 2 KiB a shard (up to 8 KiB where keys are
// as long as they may be), MaxFailures failures, mostOpen bytes of open batches,
// and mostRead bytes of records that are being read, about twice over. A Walk
// holds the batches of every shard besides, some 200 bytes each.
type Progress struct {
	Started  Started
	Shards   []Shard   // every shard a record names, by the start of its range
	Failures []Failure // the first MaxFailures of all shards, by key
	Damaged  []string  // names of records that cannot be read, at most 100: what they say counts as given up
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
	Ref        ShardRef
	Closed     *Closed    // nil while it is being listed
	Sealed     Sealing    // what its closing sealed
	Candidates Tally      // what its closing sealed to be deleted
	Proved     *Proved    // nil while its verification is open; without its failures
	Left       Sealing    // what is sealed and not written off yet
	Open       []BatchRef // that, batch by batch: of a retried one, the newest retry. A Glance holds mostOpen bytes of them
	Extra      []BatchRef // the same of what may have to be deleted
}

// Sealing counts what a closing sealed to be copied.
type Sealing struct {
	Batches int64 `json:"batches"`
	Pending Tally `json:"pending"`
}

func (s *Sealing) add(b BatchRef) {
	s.Batches++
	s.Pending.Add(int64(b.Pending), b.Bytes)
}

const (
	// walkers is how many requests one walk makes at a time.
	walkers = 32
	// mostRead is how many bytes of records one walk reads at a time.
	mostRead = 32 << 20
	// mostChunk is how many bytes of closings are looked through together: so
	// the listings of their write-offs have full pages.
	mostChunk = 1 << 20
	// mostOpen is how many bytes of open batches a Glance holds: some 40,000 batches,
	// as many as a sweep can send again. Each becomes a task there, three times as large.
	mostOpen = 8 << 20
	// mostDamaged is how many damaged records a walk names.
	mostDamaged = 100
	// mostWords is how many bytes a walk keeps of why a shard was given up.
	mostWords = 500
)

// Walk reads the progress of the run, with every batch of every shard. A run
// that was never started is NotFound.
func (r *Run) Walk(ctx context.Context) (Progress, error) { return r.walk(ctx, true) }

// Glance is Walk in bounded memory: Closed lacks its batches and its children,
// and of a verified shard one record is read.
func (r *Run) Glance(ctx context.Context) (Progress, error) { return r.walk(ctx, false) }

func (r *Run) walk(ctx context.Context, full bool) (Progress, error) {
	w := newWalk(r, full)
	var err error
	if w.Started, err = r.Started(ctx); err != nil {
		return w.Progress, err
	}
	w.Newest = w.Started.Written
	if w.Started.Events {
		err := w.events(ctx)
		return w.Progress, err
	}
	for _, step := range []func(context.Context) error{w.list, w.readProved, w.readClosed} {
		if err := step(ctx); err != nil {
			return w.Progress, err
		}
	}
	w.tree()
	return w.Progress, nil
}

// walk is one walk under way.
type walk struct {
	Progress
	run     *Run
	full    bool
	reading *semaphore.Weighted // bytes of records that may be read at a time

	closed map[string]int64 // the closings there are, and their bytes
	proved map[string]int64

	mu     sync.Mutex
	room   int64             // bytes of open batches that may still be kept
	shards map[string]*Shard // as their records tell
}

func newWalk(r *Run, full bool) *walk {
	return &walk{run: r, full: full, room: mostOpen, reading: semaphore.NewWeighted(mostRead)}
}

// saw takes in when a record was written.
func (w *walk) saw(o store.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Newest = later(w.Newest, o.Modified)
}

// damaged reports whether err says that the record of that name cannot be
// read, and takes that in. why says so for a person.
func (w *walk) damaged(name string, err error) (why string, is bool) {
	if fault.KindOf(err) != fault.Corrupt {
		return "", false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.Damaged) < mostDamaged {
		w.Damaged = append(w.Damaged, name)
	}
	return fault.Brief("the record "+w.run.Path(name)+" cannot be read: "+err.Error(), mostWords), true
}

// notYet is err of a record that was listed. One that is not there is Temporary: it
// cannot be read yet, and a NotFound would say that the run was never started.
func notYet(err error) error {
	if !Missing(err) {
		return err
	}
	return fault.New(fault.Temporary, "ledger.walk", "", fmt.Errorf("a record is listed and cannot be read yet: %w", err))
}

// list finds which shards are closed and verified, and how the whole stands.
func (w *walk) list(ctx context.Context) error {
	w.closed, w.proved, w.shards = map[string]int64{}, map[string]int64{}, map[string]*Shard{}
	g, ctx := errgroup.WithContext(ctx)
	names := func(prefix string, visit func(name string, o store.Object)) {
		g.Go(func() error {
			return w.run.objects(ctx, store.Range{Prefix: prefix}, func(name string, o store.Object) { visit(strings.TrimPrefix(name, prefix), o) })
		})
	}
	names("closed/", func(shard string, o store.Object) { w.saw(o); w.closed[shard] = o.Size })
	names("verified/", func(shard string, o store.Object) { w.saw(o); w.proved[shard] = o.Size })
	names("report.json", func(string, store.Object) { w.Reported = true })
	names("stalled/", func(when string, _ store.Object) {
		if at, err := time.Parse(stallTime, when); err == nil {
			w.Stalled = at
		}
	})
	return g.Wait()
}

// shard is what is known of a shard so far. The caller holds mu.
func (w *walk) shard(name string) *Shard {
	s, ok := w.shards[name]
	if !ok {
		s = &Shard{}
		w.shards[name] = s
	}
	return s
}

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
	read, err := readRecord[provedIn](ctx, w.run, "verified/"+name)
	p := read.Proved // alone: what is kept of it must not keep its failures
	if why, is := w.damaged("verified/"+name, err); is {
		p, err = Proved{Shard: name, Failed: why}, nil
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
	if next := p.Next; next != nil {
		again := w.shard(next.Shard)
		again.Ref = ShardRef{Shard: next.Shard, Range: next.Range}
		w.take(again, *next)
		w.closed[next.Shard] = int64(len(next.Batches)) * 200 // about
	}
	if _, byList := w.closed[name]; byList && !w.full && p.Was != nil && !p.Was.Deletes {
		c := p.Was.closed(name)
		c.Counts.Excluded = p.Counts.Excluded
		s.Closed, s.Sealed = &c, p.Was.Sealed
	}
	if !w.full {
		p.Was = nil
		if next := p.Next; next != nil {
			p.Next = &Closed{Shard: next.Shard, Range: next.Range}
		}
	}
	return nil
}

// take takes a closing into its shard. The caller holds mu.
func (w *walk) take(s *Shard, c Closed) {
	s.Sealed, s.Candidates = c.sealed(), Tally{}
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
		c, err := w.run.Closed(ctx, name)
		if why, is := w.damaged("closed/"+name, err); is {
			c, err = Closed{Shard: name, Failed: why}, nil
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
	batches, deletes []BatchRef
}

// open finds which batches of a shard are not written off. Where it is
// verified, those to be copied all are.
func (w *walk) open(ctx context.Context, c *closing, found written) error {
	err := w.run.open(ctx, c.deletes, found, func(b BatchRef) {
		if w.keeps(b) {
			c.of.Extra = append(c.of.Extra, b)
		}
	})
	if err != nil || c.of.Proved != nil {
		return err
	}
	return w.run.open(ctx, c.batches, found, func(b BatchRef) {
		c.of.Left.add(b)
		if w.keeps(b) {
			c.of.Open = append(c.of.Open, b)
		}
	})
}

// keeps reports whether there is room for an open batch more.
func (w *walk) keeps(b BatchRef) bool {
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
		return w.run.objects(ctx, in, func(name string, o store.Object) {
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

// tree follows the shards that records name, from the root.
func (w *walk) tree() {
	seen := map[string]bool{}
	for todo := []ShardRef{w.Started.Root}; len(todo) > 0; todo = todo[1:] {
		ref := todo[0]
		seen[ref.Shard] = true
		s := w.shards[ref.Shard]
		if s == nil {
			s = &Shard{}
		}
		s.Ref = ref
		if s.Closed == nil { // its verification cannot be there before
			s.Proved = nil
		} else {
			todo = append(todo, s.Closed.Children...)
		}
		if p := s.Proved; p != nil && p.Next != nil {
			todo = append(todo, ShardRef{Shard: p.Next.Shard, Range: p.Next.Range})
		}
		w.Shards = append(w.Shards, *s)
	}
	if len(w.Damaged) > 0 { // it may be what named these
		w.strays(seen)
	}
	for i := range w.Shards {
		if c := w.Shards[i].Closed; c != nil && !w.full {
			c.Children = nil
		}
	}
	slices.SortStableFunc(w.Shards, func(a, b Shard) int {
		return cmp.Or(cmp.Compare(a.Ref.Range.After, b.Ref.Range.After), cmp.Compare(a.Ref.Shard, b.Ref.Shard))
	})
}

// strays adds the shards that were not seen though a record of theirs is there.
func (w *walk) strays(seen map[string]bool) {
	for name, s := range w.shards {
		if seen[name] {
			continue
		}
		if s.Closed == nil {
			s.Closed = &Closed{Shard: name}
		}
		s.Ref = ShardRef{Shard: name, Range: s.Closed.Range}
		w.Shards = append(w.Shards, *s)
	}
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
