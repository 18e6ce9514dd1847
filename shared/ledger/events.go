package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// A run of events collects what a job's events of one UTC day came to:
// `runs/<job>/<day>-events`. It has no shards to list. Each event is a batch of
// one object, whose write-off is its record; the ten minutes in which its time
// bucket ended stand for its shard, so that a day's report is folded in pieces.

// EventRun names the n-th run, from 1, of a job's events of the day that at
// lies in. There is more than one where the job was changed that day.
func EventRun(job string, at time.Time, n int) string {
	name := job + "/" + at.UTC().Format(eventDay) + eventMark
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return name
}

const (
	eventDay  = "20060102"
	eventMark = "-events"
)

// OfEvents reports whether a run of that name is one of events.
func OfEvents(run string) bool {
	_, ok := EventDay(run)
	return ok
}

// EventDay returns the beginning of a run of events' day. ok is false for any other run.
func EventDay(run string) (day time.Time, ok bool) {
	name := run[strings.LastIndexByte(run, '/')+1:]
	if len(name) < len(eventDay) || !strings.HasPrefix(name[len(eventDay):], eventMark) {
		return time.Time{}, false
	}
	day, err := time.Parse(eventDay, name[:len(eventDay)])
	return day, err == nil
}

// day returns the run that has what all runs of a job's events of one day have
// in common: the first of them. Any other run is alone.
func (r *Run) day() *Run {
	at, ok := EventDay(r.Name)
	if !ok {
		return r
	}
	return r.ledger.Run(EventRun(r.Job(), at, 1))
}

// DayRuns names the runs of a job's events of the day that run is one of, in
// the order in which they began; run itself where it is not one of events.
func (l *Ledger) DayRuns(ctx context.Context, run string) (names []string, err error) {
	at, ok := EventDay(run)
	if !ok {
		return []string{run}, nil
	}
	for n := 1; ; n++ {
		name := EventRun(l.Run(run).Job(), at, n)
		switch _, err := l.Run(name).Started(ctx); {
		case Missing(err):
			return names, nil
		case err != nil:
			return nil, err
		}
		names = append(names, name)
	}
}

// EventBatch names the batch, and the shard, of the events of key whose time
// bucket ends at until.
func EventBatch(key string, until time.Time) (shard, batch string) {
	at := "e" + until.UTC().Format("150405")
	return at[:eventShard], at + eventKey(key)
}

// eventShard is the length of a shard's name: "e142" is 14:20:00 to 14:29:59.
const eventShard = 4

// eventKey ends the names of the batches of a key's events.
func eventKey(key string) string {
	h := sha256.Sum256([]byte(key))
	return "-" + hex.EncodeToString(h[:12])
}

// EventRuns lists the names of job's runs of events, oldest first.
func (l *Ledger) EventRuns(ctx context.Context, job string) ([]string, error) {
	return l.runs(ctx, job, "", OfEvents)
}

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
	err := w.run.eachEvent(ctx, "copied/", func(string) func(string, store.Object) { return w.countEvent })
	if err != nil {
		return err
	}
	err = w.run.openEvents(ctx, w.saw, func(root string, b BatchRef) {
		w.mu.Lock()
		s := w.eventShard(root)
		s.Left.add(b)
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
		s.Sealed = Sealing{Batches: n, Pending: Tally{Objects: n}}
		slices.SortFunc(s.Closed.Batches, func(a, b BatchRef) int { return cmp.Compare(a.ID, b.ID) })
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
	if !isEvent(id) {
		return
	}
	s := w.eventShard(id)
	s.Closed.Counts.Listed.Objects++
	if w.full {
		s.Closed.Batches = append(s.Closed.Batches, eventRef(id))
	}
}

// eventShard is the shard of an event's batch. The caller holds mu.
func (w *walk) eventShard(id string) *Shard {
	name := id[:eventShard]
	s := w.shard(name)
	if s.Closed == nil {
		s.Ref.Shard, s.Closed = name, &Closed{V: Version, Shard: name}
	}
	return s
}

// isEvent reports whether a batch is that of an event, and took no other's rest.
func isEvent(batch string) bool { return len(batch) >= eventShard && !strings.Contains(batch, ".") }

func eventRef(id string) BatchRef { return BatchRef{ID: id, Rows: 1, Pending: 1} }

// aPage is how many names a request for a listing returns.
const aPage = 1000

// eachEvent visits the names below prefix, without it: the first page, and what
// is behind it ten minutes side by side. visitor is called for each of these
// stretches with the name that it begins behind; what it returns visits the
// names of its stretch in order.
func (r *Run) eachEvent(ctx context.Context, prefix string, visitor func(after string) func(name string, o store.Object)) error {
	list := func(ctx context.Context, in store.Range, most int) (end string, err error) {
		in.Prefix = prefix
		visit, n := visitor(strings.TrimPrefix(in.After, prefix)), 0
		err = r.someObjects(ctx, in, func(name string, o store.Object) bool {
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
func (r *Run) openEvents(ctx context.Context, saw func(store.Object), visit func(root string, open BatchRef)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	err := r.eachEvent(ctx, "again/", func(after string) func(string, store.Object) {
		before, _, _ := strings.Cut(after, ".")
		return func(batch string, o store.Object) {
			saw(o)
			root, _, retry := strings.Cut(batch, ".")
			if !retry || root == before || !isEvent(root) {
				return
			}
			before = root
			g.Go(func() error {
				off, err := r.WrittenOff(ctx, root)
				if Missing(err) || fault.KindOf(err) == fault.Corrupt {
					return nil // nothing names what was sealed, or it cannot be read: the day's report tells
				}
				if err != nil {
					return err
				}
				return r.openIn(ctx, off.Rest, written{roots: true}, func(b BatchRef) { visit(root, b) })
			})
		}
	})
	return cmp.Or(g.Wait(), err)
}

// OpenEvents returns the batches of events that were handed on and have not
// ended, as many as a Glance holds.
func (r *Run) OpenEvents(ctx context.Context) (open []BatchRef, err error) {
	var mu sync.Mutex
	w := newWalk(r, false)
	err = r.openEvents(ctx, func(store.Object) {}, func(_ string, b BatchRef) {
		if w.keeps(b) {
			mu.Lock()
			defer mu.Unlock()
			open = append(open, b)
		}
	})
	slices.SortFunc(open, func(a, b BatchRef) int { return cmp.Compare(a.ID, b.ID) })
	return open, err
}

// EventShard returns the shard of an event's batch, or of what took its rest.
func EventShard(batch string) string { return batch[:min(len(batch), eventShard)] }

// Events returns up to most batches of events, the first of a stretch of their names.
func (r *Run) Events(ctx context.Context, in store.Range, most int) (found []BatchRef, err error) {
	const folder = "copied/"
	in.Prefix = folder + in.Prefix
	if in.After != "" {
		in.After = folder + in.After
	}
	if in.UpTo != "" {
		in.UpTo = folder + in.UpTo
	}
	err = r.someObjects(ctx, in, func(name string, _ store.Object) bool {
		if id := strings.TrimPrefix(name, folder); isEvent(id) {
			found = append(found, eventRef(id))
		}
		return len(found) < most
	})
	return found, err
}

// Verifications are the verifications of a run, without their failures, by shard.
type Verifications struct {
	Proved   map[string]*Proved
	Failures []Failure // the first MaxFailures of all
}

// Verified reads the verifications of a run. One that cannot be read has
// failed, and says why.
func (r *Run) Verified(ctx context.Context) (Verifications, error) {
	w := newWalk(r, false)
	v := Verifications{Proved: map[string]*Proved{}}
	err := w.list(ctx)
	if err == nil {
		err = w.readProved(ctx)
	}
	for name, s := range w.shards {
		v.Proved[name] = s.Proved
	}
	v.Failures = w.Failures
	return v, err
}

// Add takes in one more.
func (v *Verifications) Add(p Proved) {
	v.Failures = append(v.Failures, p.Failures[:min(len(p.Failures), MaxFailures-len(v.Failures))]...)
	p.Failures = nil
	v.Proved[p.Shard] = &p
}

// EventsOf finds the batches of key's events in a run of events, oldest first.
func (r *Run) EventsOf(ctx context.Context, key string) (found []BatchRef, err error) {
	var mu sync.Mutex
	end := eventKey(key)
	err = r.eachEvent(ctx, "copied/", func(string) func(string, store.Object) {
		return func(id string, _ store.Object) {
			if isEvent(id) && strings.HasSuffix(id, end) {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, eventRef(id))
			}
		}
	})
	slices.SortFunc(found, func(a, b BatchRef) int { return cmp.Compare(a.ID, b.ID) })
	return found, err
}

// guesses is how many places Reserve tries before it looks which are free.
const guesses = 8

// Reserve takes one of most places, for good, in the name of a batch that is to
// remove an object, and reports whether there was one left. All runs of a job's
// events of one day share the places, and most may be another for each of them.
// A batch that asks twice gets one place, or, rarely, two; never are there more
// than most. No counter is kept: a place is a record `removals/<n>`, in the
// day's first run, that one alone can create.
func (r *Run) Reserve(ctx context.Context, batch string, most int64) (bool, error) {
	r = r.day()
	most, err := r.below(ctx, most)
	if err != nil || most == 0 {
		return false, err
	}
	for i := range guesses {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %d", batch, i))
		n := int64(binary.BigEndian.Uint64(h[:8])>>1) % most
		if ok, err := r.reserve(ctx, n, batch); err != nil || ok {
			return ok, err
		}
	}
	taken := map[string]bool{}
	if err := r.names(ctx, "removals/", func(n string) { taken[n] = true }); err != nil {
		return false, err
	}
	for n := range most {
		if taken[placeName(n)] {
			continue
		}
		if ok, err := r.reserve(ctx, n, batch); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// below returns the number that places must be below so that, with those that
// were taken from there on when the job allowed more, there are at most most.
func (r *Run) below(ctx context.Context, most int64) (int64, error) {
	above := int64(0)
	in := store.Range{Prefix: "removals/", After: placeName(most - 1)}
	if err := r.objects(ctx, in, func(string, store.Object) { above++ }); err != nil || above == 0 {
		return most, err
	}
	taken := map[string]bool{}
	if err := r.names(ctx, "removals/", func(n string) { taken[n] = true }); err != nil {
		return 0, err
	}
	n := most
	for n > 0 && n+above > most {
		if n--; taken[placeName(n)] {
			above++
		}
	}
	return n, nil
}

func (r *Run) reserve(ctx context.Context, n int64, batch string) (bool, error) {
	_, own, err := r.create(ctx, placeName(n), []byte(batch))
	return own, err
}

func placeName(n int64) string { return fmt.Sprintf("removals/%012d", n) }
