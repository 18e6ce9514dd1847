package overview

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store"
)

// readRetries finds batches that were handed on in part, and reads what is left of them.
func (r *reader) readRetries(ctx context.Context) error {
	if r.budget.take(1) == 0 {
		return nil
	}
	r.budget.spent(-1) // names counts it
	err := r.names(ctx, r.folders["again/"], func(name string, _ store.Object) {
		root, _, retried := strings.Cut(name, ".")
		of, id, ok := strings.Cut(root, "-")
		s := r.shards[of]
		if !retried || !ok || s == nil || s.proved {
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
	for name, s := range r.shards {
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
		one.lookedAt = r.now()
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
func (r *reader) restOf(ctx context.Context, batch string, depth int) (left ledger.Tally, ended bool, err error) {
	if depth > 0 {
		r.budget.spent(1)
	}
	w, err := r.run.Batches().ReadWriteOff(ctx, batch)
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

// eventsWalk is how far a run of one day's events is.
type eventsWalk struct {
	walked         time.Time
	listed, open   int64
	shards, proved int
}

// eventsEvery is how often a run of events is walked: each event is a record.
const eventsEvery = 30 * time.Second

// readEvents walks a run of events, where that was not done lately.
func (r *reader) readEvents(ctx context.Context) error {
	if err := r.readSigns(ctx); err != nil || r.now().Sub(r.events.walked) < eventsEvery {
		return err
	}
	p, err := progress.Glance(ctx, r.run)
	if err != nil {
		return err
	}
	r.events = eventsWalk{walked: r.now()}
	r.newest, r.fails, r.filled = later(r.newest, p.Newest), p.Failures, true
	r.base = curve{}
	r.base.addTimeline(p.Profile.Times)
	for _, s := range p.Shards {
		r.events.shards++
		r.events.listed += s.Closed.Counts.Listed.Objects
		r.events.open += s.Left.Batches
		if s.Proved != nil {
			r.events.proved++
		}
	}
	r.budget.spent(int(r.events.listed)/store.KeysPerPage + 1)
	return nil
}
