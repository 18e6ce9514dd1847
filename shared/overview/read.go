package overview

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

const (
	// firstRequests is how many requests the first figures take at most, and laterRequests
	// any later ones, once all there was is read.
	firstRequests = 390
	laterRequests = 28
	// of these, how many read what those at work tell.
	firstSigns, laterSigns = 40, 7
	// readers is how many requests are made at a time.
	readers = 32
	// mostNames is how many names of one folder a refresh lists, once all were listed.
	mostNames = 3 * store.KeysPerPage
	// mostBatches is how many open batches are told apart, some 60 bytes each. Of the shards
	// beyond that it is derived from how many ended.
	mostBatches = 500_000
	// mostDamaged is how many damaged records are named.
	mostDamaged = 100
)

// reader is what was read of a run's ledger. One refresh at a time uses it.
type reader struct {
	run     *ledger.Run
	now     func() time.Time
	started ledger.Started
	job     job.Job

	standing ledger.Standing
	since    time.Time // when it was said that the run stands so
	stalled  time.Time // since when it is; zero where it is not
	outage   live.Outage
	bounded  bool
	newest   time.Time // when the newest record was written

	ended    *report.Report // of a run that is over
	manifest *report.Manifest

	mu      sync.Mutex // over all that follows
	shards  map[string]*shard
	folders map[string]*folder
	room    int   // batches that may still be told apart
	base    curve // of what is verified
	slow    curve // of answers to slow down, as those at work told
	damaged []string

	fails  []ledger.Failure // the first of those that verification found, by key
	moreOf bool             // there were more
	first  time.Time        // when the first shard was verified, by the store's clock
	last   time.Time

	at     live.At
	holder live.Holder
	signs  map[string]*sign
	filled bool // all there was has been read once
	turns  int  // how many refreshes the one under way stands for: nobody looked for so long
	events eventsWalk
	budget *budget // of the refresh under way
}

// sign is what a process told last.
type sign struct {
	live.Work
	listed live.Sign
}

// folder is a folder of records whose names are listed: all of it at first, and then, where
// that takes many requests, a part at a time.
type folder struct {
	prefix string
	names  int
	after  string
	whole  bool
}

func newReader(run *ledger.Run, now func() time.Time) *reader {
	r := &reader{run: run, now: now, shards: map[string]*shard{}, folders: map[string]*folder{}, room: mostBatches, signs: map[string]*sign{}}
	for _, prefix := range []string{"closed/", "verified/", "again/"} {
		r.folders[prefix] = &folder{prefix: prefix}
	}
	return r
}

// refresh reads what is new. It may make the requests of as many refreshes as there were
// turns since the last: what a look after an hour finds new is not read in 30 requests.
func (r *reader) refresh(ctx context.Context, turns int) error {
	r.turns = max(turns, 1)
	r.budget = &budget{allowed: min(laterRequests*r.turns, firstRequests)}
	if !r.filled {
		r.budget.allowed = firstRequests
	}
	var err error
	if r.started.Run == "" {
		if r.started, err = r.run.ReadStarted(ctx); err != nil {
			return err
		}
		if r.job, err = job.Decode(r.started.Job); err != nil {
			return err
		}
		r.newest = r.started.Written
		root := r.shard(r.started.Root.Shard)
		root.ref, root.known = r.started.Root, true
		r.budget.spent(1)
	}
	if r.ended != nil {
		return nil // records never change
	}
	if err := r.list(ctx); err != nil {
		return err
	}
	if r.standing == ledger.Over {
		if err := r.readSigns(ctx); err != nil {
			return err
		}
		return r.readEnd(ctx)
	}
	if r.started.Events {
		return r.readEvents(ctx)
	}
	for _, step := range []func(context.Context) error{r.readSigns, r.readListing, r.readRecords, r.readWriteOffs, r.readRetries} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if !r.filled {
		r.filled = allRead(r)
	}
	return nil
}

// shard is what is known of a shard. The caller holds mu, or is alone.
func (r *reader) shard(name string) *shard {
	s, ok := r.shards[name]
	if !ok {
		s = &shard{name: name, ref: ledger.ShardRef{Shard: name}}
		r.shards[name] = s
	}
	return s
}

// list reads how the run stands, and which records there are.
func (r *reader) list(outer context.Context) error {
	g, ctx := errgroup.WithContext(outer)
	g.Go(func() (err error) {
		r.budget.spent(3)
		r.standing, r.since, err = r.run.Steering().ReadStanding(ctx)
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		b, changed, err := limit.Read(ctx, r.run)
		if !changed && err == nil {
			b = limit.Bounds{Bandwidth: r.job.Limits.Bandwidth, Requests: r.job.Limits.Requests, Instances: r.job.Limits.Instances}
		}
		r.bounded = b.Any()
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		r.at, err = live.List(ctx, r.run.Folder())
		r.budget.spent((len(r.at.Work) + len(r.at.Signs)) / store.KeysPerPage)
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		r.stalled, err = progress.StalledNote(ctx, r.run)
		return err
	})
	if !r.started.Events { // whose shards are none that are listed
		g.Go(func() error {
			return r.names(ctx, r.folders["closed/"], func(name string, o store.Object) { foundClosed(r, name, o) })
		})
		g.Go(func() error {
			return r.names(ctx, r.folders["verified/"], func(name string, o store.Object) { foundProved(r, name, o) })
		})
	}
	if err := g.Wait(); err != nil || r.standing.Stopped() {
		return err
	}
	r.budget.spent(2)
	var err error
	r.outage, err = outage.Of(outer, r.run, r.newest, r.now())
	return err
}

// names lists the names of a folder's records: all, or the next ones.
func (r *reader) names(ctx context.Context, f *folder, found func(name string, o store.Object)) error {
	most := 0
	if f.whole && f.names > mostNames {
		most = mostNames
	}
	n, last := 0, ""
	err := r.run.Folder().ListUntil(ctx, store.Range{Prefix: f.prefix, After: f.after}, func(name string, o store.Object) bool {
		r.mu.Lock()
		found(strings.TrimPrefix(name, f.prefix), o)
		r.newest = later(r.newest, o.Modified)
		r.mu.Unlock()
		n, last = n+1, name
		return n != most
	})
	r.budget.spent(n/store.KeysPerPage + 1)
	if err != nil {
		return err
	}
	if f.after == "" {
		f.names = max(f.names, n)
	}
	f.whole, f.after = true, ""
	if most > 0 && n == most {
		f.after = last
	}
	return nil
}

func foundClosed(r *reader, name string, o store.Object) {
	s := r.shard(name)
	s.closed, s.size = true, o.Size
}

func foundProved(r *reader, name string, o store.Object) {
	s := r.shard(name)
	s.closed, s.proved, s.provedAt = true, true, o.Modified
	if r.first.IsZero() || o.Modified.Before(r.first) {
		r.first = o.Modified
	}
	r.last = later(r.last, o.Modified)
}

// readSigns reads what those tell who are at work, the newest first.
func (r *reader) readSigns(ctx context.Context) error {
	most := min(laterSigns*r.turns, firstSigns)
	if !r.filled {
		most = firstSigns
	}
	var new []live.Sign
	for _, p := range r.at.Work {
		if known, ok := r.signs[p.Key()]; !ok || p.Seen.After(known.listed.Seen) {
			new = append(new, p)
		}
	}
	slices.SortFunc(new, func(a, b live.Sign) int { return b.Seen.Compare(a.Seen) })
	new = new[:min(len(new), most)]
	new = new[:r.budget.take(len(new))]
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, p := range new {
		g.Go(func() error {
			w, err := live.ReadWork(gctx, r.run.Folder(), p)
			if ledger.Missing(err) || ledger.Unreadable(err) {
				return nil // it is for show
			}
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			learned(r, p, w)
			return nil
		})
	}
	if h := r.at.Holder; h.N > 0 && (h.N != r.holder.N || h.Seen.After(r.holder.Seen)) && r.budget.take(1) == 1 {
		g.Go(func() (err error) {
			r.holder, err = live.ReadHolder(gctx, r.run.Folder(), h.N, h.Seen)
			return err
		})
	}
	return g.Wait()
}

// learned takes in what a process tells: batches that it wrote off need not be listed.
func learned(r *reader, p live.Sign, w live.Work) {
	was := r.signs[p.Key()]
	if was == nil {
		was = &sign{}
		if d := w.Total.Throttled; d > 0 {
			r.slow.add(w.Since.Unix(), max(1, int64(w.At.Sub(w.Since)/time.Second)), point{throttled: d})
		}
	} else if d := w.Total.Throttled - was.Total.Throttled; d > 0 {
		r.slow.add(was.At.Unix(), max(1, int64(w.At.Sub(was.At)/time.Second)), point{throttled: d})
	}
	was.Work, was.listed = w, p
	r.signs[p.Key()] = was
	for _, b := range w.Written {
		if name, id, ok := strings.Cut(b.ID, "-"); ok {
			if s := r.shards[name]; s != nil && s.read {
				s.wroteOff(id, w.At)
			}
		}
	}
}

// order spreads shards evenly: what is read first of many is a sample of all.
func order(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return h.Sum64() * 0x9E3779B97F4A7C15
}

// readRecords reads closings and verifications that were not read yet: as many as there are
// requests for, so that the write-offs of those that are open can be listed, too.
func (r *reader) readRecords(ctx context.Context) error {
	var names []string
	for name, s := range r.shards {
		if s.closed && !s.read || s.proved && !s.seen {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(order(a), order(b)) })
	cost := func(s *shard) int {
		if s.proved {
			return 1
		}
		return 2
	}
	left := r.budget.left()
	if r.filled {
		left /= 2
	}
	var some []*shard // looked up before what is read adds others
	for _, name := range names {
		if left -= cost(r.shards[name]); left < 0 {
			break
		}
		some = append(some, r.shards[name])
	}
	r.budget.spent(len(some))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, s := range some {
		proved := s.proved
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
func (r *reader) unreadable(name string, err error) bool {
	if !ledger.Unreadable(err) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.damaged) < mostDamaged {
		r.damaged = append(r.damaged, r.run.Path(name))
	}
	return true
}

func (r *reader) readClosed(ctx context.Context, s *shard) error {
	c, err := r.run.Shards().ReadListed(ctx, s.name)
	switch {
	case r.unreadable("closed/"+s.name, err):
		c = ledger.Closed{Shard: s.name, Failed: err.Error()}
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
func closedAs(r *reader, s *shard, c ledger.Closed) {
	was := *s // what its stretches told is in its closing
	done := map[string]bool{}
	for _, b := range was.batches {
		if b.done {
			done[b.id] = true
		}
	}
	r.room += len(s.batches)
	s.batches, s.sealed, s.toCopy, s.done, s.ended = nil, 0, ledger.Tally{}, 0, ledger.Tally{}
	s.closed, s.read, s.failed, s.known = true, true, c.Failed, true
	s.ref.Range, s.children = c.Range, nil
	s.listed, s.excluded = c.Counts.Listed, c.Counts.Excluded
	s.take(c.Batches, &r.room)
	for i, b := range s.batches {
		if done[b.id] {
			s.batches[i].done = true
			s.done++
			s.ended.Add(int64(b.pending), b.bytes)
		}
	}
	for _, child := range c.Children {
		s.children = append(s.children, child.Shard)
		r.refer(child)
	}
}

// refer takes in that a record names a shard. The caller holds mu.
func (r *reader) refer(ref ledger.ShardRef) {
	if s := r.shard(ref.Shard); !s.known {
		s.ref, s.known = ref, true
	}
}

func (r *reader) readProved(ctx context.Context, s *shard) error {
	p, err := r.run.Shards().ReadVerified(ctx, s.name)
	switch {
	case r.unreadable("verified/"+s.name, err):
		p = ledger.Proved{Shard: s.name, Failed: err.Error()}
	case ledger.Missing(err):
		return nil
	case err != nil:
		return err
	}
	_, again := ledger.ParentOf(s.name)
	r.mu.Lock()
	read := s.read
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
		s.sealed, s.toCopy = 0, ledger.Tally{}
		closedAs(r, s, p.Was.Closed(s.name))
		s.excluded = p.Counts.Excluded
		s.sealed, s.toCopy = p.Was.Sealed.Batches, p.Was.Sealed.Pending
	}
	s.read, s.seen, s.counts, s.unproved = true, true, p.Counts, p.Failed
	s.done, s.ended = s.sealed, s.toCopy
	s.forget(&r.room)
	if p.Profile != nil {
		r.base.addTimeline(p.Profile.Times)
	}
	keepFailures(r, p.Failures)
	if p.Next != nil { // what had changed at the source, sealed again
		s.children = append(s.children, p.Next.Shard)
		r.refer(ledger.ShardRef{Shard: p.Next.Shard, Range: p.Next.Range})
		next := r.shard(p.Next.Shard)
		if !next.seen {
			closedAs(r, next, *p.Next)
		}
	}
	return nil
}

// keepFailures keeps the first failures, by key. The caller holds mu.
func keepFailures(r *reader, more []ledger.Failure) {
	if len(more) == 0 {
		return
	}
	r.fails = append(r.fails, more...)
	slices.SortFunc(r.fails, func(a, b ledger.Failure) int { return strings.Compare(a.Key, b.Key) })
	if r.moreOf = r.moreOf || len(more) >= ledger.MaxFailures || len(r.fails) > ledger.MaxFailures; len(r.fails) > ledger.MaxFailures {
		r.fails = slices.Clone(r.fails[:ledger.MaxFailures])
	}
}

// mostListing is how many shards are looked at, at a refresh, that are being listed.
const mostListing = 3

// readListing reads what was sealed so far of shards that are being listed: those that were
// not looked at for longest.
func (r *reader) readListing(ctx context.Context) error {
	var listing []*shard
	for _, s := range r.shards {
		if s.known && !s.closed {
			listing = append(listing, s)
		}
	}
	slices.SortFunc(listing, func(a, b *shard) int {
		return cmp.Or(a.lookedAt.Compare(b.lookedAt), strings.Compare(a.ref.Range.After, b.ref.Range.After))
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
		s.lookedAt = r.now()
		g.Go(func() error {
			found, err := r.run.Shards().ReadStretchesFrom(gctx, s.name, s.stretches, mostStretchesRead)
			if err != nil {
				return err
			}
			r.budget.spent(max(0, len(found)-1))
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, o := range found {
				s.stretches++
				s.listed.Add(o.Counts.Listed.Objects, o.Counts.Listed.Bytes)
				s.excluded.Add(o.Counts.Excluded.Objects, o.Counts.Excluded.Bytes)
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
func (r *reader) readWriteOffs(ctx context.Context) error {
	at := map[string]bool{}
	for _, s := range r.signs {
		for _, b := range s.UnderWay {
			name, _, _ := strings.Cut(b.ID, "-")
			at[name] = true
		}
	}
	var open []*shard
	for _, s := range r.shards {
		if (s.read || s.stretches > 0) && s.open() {
			open = append(open, s)
		}
	}
	rank := func(s *shard) int {
		switch {
		case s.behind == "" && s.done == 0 && s.lookedAt.IsZero():
			return 0 // nothing is known of it
		case at[s.name]:
			return 1
		}
		return 2
	}
	slices.SortFunc(open, func(a, b *shard) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.lookedAt.Compare(b.lookedAt), strings.Compare(a.name, b.name))
	})
	open = open[:r.budget.take(len(open))]
	now := r.now()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, s := range open {
		s.lookedAt = now
		g.Go(func() error { return r.listWriteOffs(gctx, s) })
	}
	return g.Wait()
}

// listWriteOffs lists the write-offs of a shard, from those on that may be new.
func (r *reader) listWriteOffs(ctx context.Context, s *shard) error {
	type off struct {
		id string
		at time.Time
	}
	prefix := "copied/" + s.name + "-"
	in := store.Range{Prefix: prefix}
	if s.behind != "" {
		in.After = prefix + s.behind
	}
	var offs []off
	err := r.run.Folder().List(ctx, in, func(name string, o store.Object) {
		offs = append(offs, off{strings.TrimPrefix(name, prefix), o.Modified})
	})
	r.budget.spent(len(offs) / store.KeysPerPage)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.vague { // counted anew
		s.done, s.ended, s.times = 0, ledger.Tally{}, curve{}
	}
	for _, o := range offs {
		s.wroteOff(o.id, o.at)
		r.newest = later(r.newest, o.at)
	}
	s.advance()
	return nil
}

// readEnd reads what a run came to that is over.
func (r *reader) readEnd(ctx context.Context) error {
	r.budget.spent(2)
	rep, err := report.Read(ctx, r.run)
	if err != nil {
		return err
	}
	m, err := report.ReadManifest(ctx, r.run)
	if err == nil {
		r.manifest = &m
	} else if !ledger.Missing(err) && !ledger.Unreadable(err) {
		return err
	}
	r.base = curve{}
	if proved := len(r.shards); !r.started.Events && proved <= mostFine {
		err = r.readFine(ctx)
	}
	r.ended = &rep
	if r.base.each == 0 || err != nil {
		r.base = curve{}
		r.base.addTimeline(rep.Profile.Times)
	}
	return nil
}

// mostFine is how many shards a run has at most that is over and whose curves are drawn
// from those of its shards, which are finer than those of its report.
const mostFine = 300

// readFine adds up the curves of all shards.
func (r *reader) readFine(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for name, s := range r.shards {
		if !s.proved || r.budget.take(1) == 0 {
			continue
		}
		g.Go(func() error {
			p, err := r.run.Shards().ReadVerified(gctx, name)
			if err != nil || p.Profile == nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.base.addTimeline(p.Profile.Times)
			return nil
		})
	}
	return g.Wait()
}

// allRead reports whether every record there is was read.
func allRead(r *reader) bool {
	for _, s := range r.shards {
		if s.closed && !s.read || s.proved && !s.seen || s.read && s.open() && s.lookedAt.IsZero() {
			return false
		}
	}
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
