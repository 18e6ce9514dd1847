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
	"time"

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

// events is the walk of a run of events: four listings, and a read for each
// event that did not end at once. An event that has no record yet is not known here.
func (w *walk) events(ctx context.Context) error {
	var all written
	shards := map[string]*Shard{}
	verified := map[string]bool{}
	// Write-offs are listed before what was sealed again, as in writtenOff.
	for _, l := range []struct {
		prefix string
		take   func(name string)
	}{
		{"copied/", func(id string) {
			all.copied = append(all.copied, id)
			countBatch(shards, id)
		}},
		{"again/", func(id string) { all.again = append(all.again, id) }},
		{"verified/", func(shard string) { verified[shard] = true }},
		{"report.json", func(string) { w.Reported = true }},
	} {
		err := w.run.objects(ctx, store.Range{Prefix: l.prefix}, func(name string, o store.Object) {
			w.saw(o)
			l.take(strings.TrimPrefix(name, l.prefix))
		})
		if err != nil {
			return err
		}
	}
	for name, s := range shards {
		var err error
		if s.Open, err = w.run.open(ctx, s.Closed.Batches, all); err != nil {
			return err
		}
		if verified[name] {
			p, err := w.run.Proved(ctx, name)
			if err != nil {
				return err
			}
			s.Proved = &p
		}
		s.Sealed = s.Closed.sealed()
		w.Shards = append(w.Shards, *s)
	}
	slices.SortFunc(w.Shards, func(a, b Shard) int { return cmp.Compare(a.Ref.Shard, b.Ref.Shard) })
	return nil
}

// countBatch takes the record of an event into its shard.
func countBatch(shards map[string]*Shard, id string) {
	if strings.Contains(id, ".") || len(id) < eventShard {
		return // it took the rest of another
	}
	name := id[:eventShard]
	s, ok := shards[name]
	if !ok {
		s = &Shard{Ref: ShardRef{Shard: name}, Closed: &Closed{V: Version, Shard: name}}
		shards[name] = s
	}
	s.Closed.Counts.Listed.Objects++
	s.Closed.Batches = append(s.Closed.Batches, BatchRef{ID: id, Rows: 1, Pending: 1})
}

// EventsOf finds the batches of key's events in a run of events, oldest first.
func (p Progress) EventsOf(key string) (found []BatchRef) {
	end := eventKey(key)
	for _, s := range p.Shards {
		for _, b := range s.Closed.Batches {
			if strings.HasSuffix(b.ID, end) {
				found = append(found, b)
			}
		}
	}
	return found
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
