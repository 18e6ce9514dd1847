package progress

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
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/store"
)

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
func Walk(ctx context.Context, r *ledger.Run) (Run, error) { return look(ctx, r, true) }

// Glance is Walk in bounded memory: Closed lacks its batches and its children,
// and of a verified shard one record is read.
func Glance(ctx context.Context, r *ledger.Run) (Run, error) { return look(ctx, r, false) }

func look(ctx context.Context, r *ledger.Run, full bool) (Run, error) {
	w := newWalk(r, full)
	var listing errgroup.Group
	if !eventnames.IsRun(r.Name) {
		listing.Go(func() error { return w.list(ctx) })
	}
	var err error
	w.Started, err = r.ReadStarted(ctx)
	unlisted := listing.Wait()
	if err != nil {
		return w.Run, err
	}
	w.Newest = later(w.Newest, w.Started.Written)
	if w.Started.Events {
		err := w.events(ctx)
		return w.Run, err
	}
	if unlisted != nil {
		return w.Run, unlisted
	}
	for _, step := range []func(context.Context) error{w.readProved, w.readClosed} {
		if err := step(ctx); err != nil {
			return w.Run, err
		}
	}
	w.tree()
	return w.Run, nil
}

// walk is one walk under way.
type walk struct {
	Run
	run     *ledger.Run
	full    bool
	reading *semaphore.Weighted // bytes of records that may be read at a time

	closed map[string]int64 // the closings there are, and their bytes
	proved map[string]int64

	mu     sync.Mutex
	room   int64             // bytes of open batches that may still be kept
	shards map[string]*Shard // as their records tell
}

func newWalk(r *ledger.Run, full bool) *walk {
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
	if !ledger.Missing(err) {
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
			return w.run.Folder().List(ctx, store.Range{Prefix: prefix}, func(name string, o store.Object) { visit(strings.TrimPrefix(name, prefix), o) })
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

// tree follows the shards that records name, from the root.
func (w *walk) tree() {
	seen := map[string]bool{}
	for todo := []ledger.ShardRef{w.Started.Root}; len(todo) > 0; todo = todo[1:] {
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
			todo = append(todo, ledger.ShardRef{Shard: p.Next.Shard, Range: p.Next.Range})
		}
		w.Shards = append(w.Shards, *s)
	}
	if len(w.Damaged) > 0 { // a damaged record may have named these
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
			s.Closed = &ledger.Closed{Shard: name}
		}
		s.Ref = ledger.ShardRef{Shard: name, Range: s.Closed.Range}
		w.Shards = append(w.Shards, *s)
	}
}

// last is behind every name that begins alike.
const last = "\U0010ffff"
