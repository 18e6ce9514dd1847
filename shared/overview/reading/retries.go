package reading

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/store"
)

// readRetries finds batches that were handed on in part, and reads what is left of them.
func (r *Reader) readRetries(ctx context.Context) error {
	if r.budget.take(1) == 0 {
		return nil
	}
	r.budget.spent(-1) // names counts it
	err := r.names(ctx, r.folders["again/"], func(name string, _ store.Object) {
		root, _, retried := strings.Cut(name, ".")
		of, id, ok := strings.Cut(root, "-")
		s := r.Shards[of]
		if !retried || !ok || s == nil || s.Proved {
			return
		}
		if s.retries == nil {
			s.retries = map[string]*retry{}
		}
		if s.retries[id] == nil {
			s.retries[id] = &retry{}
		}
	})
	if err != nil {
		return err
	}
	type open struct {
		batch string
		*retry
	}
	var all []open
	for name, s := range r.Shards {
		for id, one := range s.retries {
			if !one.ended {
				all = append(all, open{name + "-" + id, one})
			}
		}
	}
	slices.SortFunc(all, func(a, b open) int { return cmp.Or(a.lookedAt.Compare(b.lookedAt), strings.Compare(a.batch, b.batch)) })
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, one := range all {
		if r.budget.take(2) < 2 {
			break
		}
		one.lookedAt = r.Now()
		g.Go(func() error {
			left, ended, err := r.restOf(gctx, one.batch, 0)
			if ledger.Unreadable(err) {
				left, ended, err = ledger.Tally{}, true, nil // verification fails on it
			}
			one.left, one.ended = left, ended
			return err
		})
	}
	return g.Wait()
}

// restOf reads what of a batch that is written off was handed on and did not end.
func (r *Reader) restOf(ctx context.Context, batch string, depth int) (left ledger.Tally, ended bool, err error) {
	if depth > 0 {
		r.budget.spent(1)
	}
	w, err := r.Run.Batches().ReadWriteOff(ctx, batch)
	if ledger.Missing(err) {
		return left, false, nil
	}
	if err != nil {
		return left, false, err
	}
	ended = true
	for _, b := range w.Rest {
		if b.Pending == 0 {
			continue
		}
		more, over, err := r.restOf(ctx, b.ID, depth+1)
		if err != nil {
			return left, false, err
		}
		if !over && more == (ledger.Tally{}) { // it is not written off itself
			more = ledger.Tally{Objects: int64(b.Pending), Bytes: b.Bytes}
		}
		left.Add(more.Objects, more.Bytes)
		ended = ended && over
	}
	return left, ended, nil
}

// EventsWalk is how far a run of one day's events is.
type EventsWalk struct {
	walked         time.Time
	Listed, Open   int64
	Shards, Proved int
}

// eventsEvery is how often a run of events is walked: each event is a record.
const eventsEvery = 30 * time.Second

// readEvents walks a run of events, where that was not done lately.
func (r *Reader) readEvents(ctx context.Context) error {
	if err := r.readSigns(ctx); err != nil || r.Now().Sub(r.Events.walked) < eventsEvery {
		return err
	}
	p, err := progress.Glance(ctx, r.Run)
	if err != nil {
		return err
	}
	r.Events = EventsWalk{walked: r.Now()}
	r.Newest, r.Failures, r.filled = later(r.Newest, p.Newest), p.Failures, true
	r.Base = curve.Curve{}
	r.Base.AddTimeline(p.Profile.Times)
	for _, s := range p.Shards {
		r.Events.Shards++
		r.Events.Listed += s.Closed.Counts.Listed.Objects
		r.Events.Open += s.Left.Batches
		if s.Proved != nil {
			r.Events.Proved++
		}
	}
	r.budget.spent(int(r.Events.Listed)/store.KeysPerPage + 1)
	return nil
}
