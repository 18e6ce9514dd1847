package reading

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/report"
)

// readEnd reads what a run came to that is over.
func (r *Reader) readEnd(ctx context.Context) error {
	r.budget.spent(2)
	rep, err := report.Read(ctx, r.Run)
	if err != nil {
		return err
	}
	m, err := report.ReadManifest(ctx, r.Run, rep)
	if err == nil {
		r.Manifest = &m
	} else if !ledger.Missing(err) && !ledger.Unreadable(err) {
		return err
	}
	r.Base = curve.Curve{}
	if proved := len(r.Shards); !r.Started.Events && proved <= mostFine {
		err = r.readFine(ctx)
	}
	r.Ended = &rep
	if r.Base.Each == 0 || err != nil {
		r.Base = curve.Curve{}
		r.Base.AddTimeline(rep.Profile.Times)
	}
	return nil
}

// mostFine is how many shards a run has at most that is over and whose curves are drawn
// from those of its shards, which are finer than those of its report.
const mostFine = 300

// readFine adds up the curves of all shards.
func (r *Reader) readFine(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for name, s := range r.Shards {
		if !s.Proved || r.budget.take(1) == 0 {
			continue
		}
		g.Go(func() error {
			p, err := r.Run.Shards().ReadVerified(gctx, name)
			if err != nil || p.Profile == nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.Base.AddTimeline(p.Profile.Times)
			return nil
		})
	}
	return g.Wait()
}
