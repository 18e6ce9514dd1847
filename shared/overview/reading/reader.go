// Package reading reads what a run's ledger has that is new: the names of records, those that
// were not read yet, as far as a budget of requests goes, and what those at work tell. It
// knows what was found, and not what it comes to.
//
//	reader.go   Reader: what was found; Refresh: how the run stands, and which records there are
//	budget.go   how many requests a refresh may make
//	signs.go    what those tell who are at work
//	records.go  closings and verifications
//	open.go     what is open: shards that are listed, and batches that are not written off
//	retries.go  batches that were handed on in part; runs of events
//	end.go      what a run came to that is over
//	shard.go    Shard: what is known of one
package reading

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

const (
	// FirstRequests is how many requests the first figures take at most, and laterRequests
	// any later ones, once all there was is read.
	FirstRequests = 390
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

// Reader is what was read of a run's ledger. One refresh at a time uses it.
type Reader struct {
	Run     *ledger.Run
	Now     func() time.Time
	Started ledger.Started
	Job     job.Job

	Standing ledger.Standing
	Since    time.Time // when it was said that the run stands so
	Stalled  time.Time // since when it is; zero where it is not
	Outage   live.Outage
	Bounded  bool      // something bounds its processes together
	Newest   time.Time // when the newest record was written

	Ended    *report.Report // of a run that is over
	Manifest *report.Manifest

	mu      sync.Mutex // over all that follows, while Refresh is under way
	Shards  map[string]*Shard
	folders map[string]*folder
	room    int         // batches that may still be told apart
	Base    curve.Curve // of what is verified
	Slow    curve.Curve // of answers to slow down, as those at work told
	Damaged []string

	Failures      []ledger.Failure // the first of those that verification found, by key
	More          bool             // there were more
	FirstVerified time.Time        // when the first shard was verified, by the store's clock
	LastVerified  time.Time

	At     live.At
	Holder live.Holder
	Signs  map[string]*Sign
	filled bool // all there was has been read once
	turns  int  // how many refreshes the one under way stands for: nobody looked for so long
	Events EventsWalk
	budget *budget // of the refresh under way
}

// folder is a folder of records whose names are listed: all of it at first, and then, where
// that takes many requests, a part at a time.
type folder struct {
	prefix string
	names  int
	after  string
	whole  bool
}

// New returns a Reader of a run, of which nothing was read; it makes no request.
func New(run *ledger.Run, now func() time.Time) *Reader {
	r := &Reader{Run: run, Now: now, Shards: map[string]*Shard{}, folders: map[string]*folder{}, room: mostBatches, Signs: map[string]*Sign{}}
	for _, prefix := range []string{"closed/", "verified/", "again/"} {
		r.folders[prefix] = &folder{prefix: prefix}
	}
	return r
}

// Refresh reads what is new. It may make the requests of as many refreshes as there were
// turns since the last: what a look after an hour finds new is not read in 30 requests.
func (r *Reader) Refresh(ctx context.Context, turns int) error {
	r.turns = max(turns, 1)
	r.budget = &budget{allowed: min(laterRequests*r.turns, FirstRequests)}
	if !r.filled {
		r.budget.allowed = FirstRequests
	}
	var err error
	if r.Started.Run == "" {
		if r.Started, err = r.Run.ReadStarted(ctx); err != nil {
			return err
		}
		if r.Job, err = job.Decode(r.Started.Job); err != nil {
			return err
		}
		r.Newest = r.Started.Written
		root := r.shard(r.Started.Root.Shard)
		root.Ref, root.Known = r.Started.Root, true
		r.budget.spent(1)
	}
	if r.Ended != nil {
		return nil // records never change
	}
	if err := r.list(ctx); err != nil {
		return err
	}
	if r.Standing == ledger.Over {
		if err := r.readSigns(ctx); err != nil {
			return err
		}
		return r.readEnd(ctx)
	}
	if r.Started.Events {
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
func (r *Reader) shard(name string) *Shard {
	s, ok := r.Shards[name]
	if !ok {
		s = &Shard{Name: name, Ref: ledger.ShardRef{Shard: name}}
		r.Shards[name] = s
	}
	return s
}

// list reads how the run stands, and which records there are.
func (r *Reader) list(outer context.Context) error {
	g, ctx := errgroup.WithContext(outer)
	g.Go(func() (err error) {
		r.budget.spent(3)
		r.Standing, r.Since, err = r.Run.Steering().ReadStanding(ctx)
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		b, changed, err := limit.Read(ctx, r.Run)
		if !changed && err == nil {
			b = limit.Bounds{Bandwidth: r.Job.Limits.Bandwidth, Requests: r.Job.Limits.Requests, Instances: r.Job.Limits.Instances}
		}
		r.Bounded = b.Any()
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		r.At, err = live.List(ctx, r.Run.Folder())
		r.budget.spent((len(r.At.Work) + len(r.At.Signs)) / store.KeysPerPage)
		return err
	})
	g.Go(func() (err error) {
		r.budget.spent(1)
		r.Stalled, err = progress.StalledNote(ctx, r.Run)
		return err
	})
	if !r.Started.Events { // whose shards are none that are listed
		g.Go(func() error {
			return r.names(ctx, r.folders["closed/"], func(name string, o store.Object) { foundClosed(r, name, o) })
		})
		g.Go(func() error {
			return r.names(ctx, r.folders["verified/"], func(name string, o store.Object) { foundProved(r, name, o) })
		})
	}
	if err := g.Wait(); err != nil || r.Standing.Stopped() {
		return err
	}
	r.budget.spent(2)
	var err error
	r.Outage, err = outage.Of(outer, r.Run, r.Newest, r.Now())
	return err
}

// names lists the names of a folder's records: all, or the next ones.
func (r *Reader) names(ctx context.Context, f *folder, found func(name string, o store.Object)) error {
	most := 0
	if f.whole && f.names > mostNames {
		most = mostNames
	}
	n, last := 0, ""
	err := r.Run.Folder().ListUntil(ctx, store.Range{Prefix: f.prefix, After: f.after}, func(name string, o store.Object) bool {
		r.mu.Lock()
		found(strings.TrimPrefix(name, f.prefix), o)
		r.Newest = later(r.Newest, o.Modified)
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

func foundClosed(r *Reader, name string, o store.Object) {
	s := r.shard(name)
	s.Closed, s.size = true, o.Size
}

func foundProved(r *Reader, name string, o store.Object) {
	s := r.shard(name)
	s.Closed, s.Proved, s.provedAt = true, true, o.Modified
	if r.FirstVerified.IsZero() || o.Modified.Before(r.FirstVerified) {
		r.FirstVerified = o.Modified
	}
	r.LastVerified = later(r.LastVerified, o.Modified)
}

// allRead reports whether every record there is was read.
func allRead(r *Reader) bool {
	for _, s := range r.Shards {
		if s.Closed && !s.Read || s.Proved && !s.Seen || s.Read && s.Open() && s.LookedAt.IsZero() {
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

// Requests is how many requests the last refresh took.
func (r *Reader) Requests() int { return r.budget.used }
