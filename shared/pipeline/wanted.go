package pipeline

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// goesOn asks the ledger whether the run's tasks are to be done; the error is
// an *verdict.Unwanted where they are not. This process then stops those at work, too.
func (r *run) goesOn(ctx context.Context) error {
	s, _, err := r.ledger.Standing(ctx)
	if err == nil && s.Stopped() {
		r.share.State.Set(s)
		err = &verdict.Unwanted{Standing: s}
	}
	return err
}

// wanted asks the ledger, four requests at once, whether o is still to be
// written, or its copy removed: the run may have been stopped, its job ended,
// removed or changed a moment ago. The error is an *verdict.Unwanted where it is not.
// Else it returns the job as it is now: the kept one, or the run's own where
// none is kept.
func (r *run) wanted(ctx context.Context, o store.Object, removal bool) (job.Job, error) {
	now, kept := r.job, true
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.goesOn(gctx) })
	g.Go(func() error {
		k, err := r.config.Ledger.Job(gctx, r.job.Name)
		if kept = !ledger.Missing(err); !kept {
			return nil
		}
		if err == nil {
			now, err = job.Decode(k.Job)
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return now, err
	}
	why := ""
	switch {
	case kept:
		var err error
		if why, err = r.rules.TakenBack(now, o, r.start.Events, removal); err != nil {
			return now, err
		}
	case r.start.OfKept():
		why = fmt.Sprintf("the job %s is not kept any more", r.job.Name)
	}
	if why != "" {
		return now, &verdict.Unwanted{Why: why}
	}
	return now, nil
}

// writable asks whether o is still to be written, or put in order, by this run; the
// error is an *verdict.Unwanted where it is not. The kept job counts for events alone:
// any other run goes on as it began until it is stopped.
func (r *run) writable(ctx context.Context, o store.Object) error {
	if !r.start.Events {
		return r.goesOn(ctx)
	}
	_, err := r.wanted(ctx, o, false)
	return err
}
