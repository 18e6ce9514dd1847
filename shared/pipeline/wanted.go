package pipeline

import (
	"context"
	"fmt"
	"reflect"

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
		if why, err = r.takenBack(now, o, removal); err != nil {
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

// writable asks whether o is still to be written, or put in order, by this run.
// The kept job counts for events alone: any other run ends as it began, unless
// somebody stops it.
func (r *run) writable(ctx context.Context, o store.Object) error {
	if !r.start.Events {
		return r.goesOn(ctx)
	}
	_, err := r.wanted(ctx, o, false)
	return err
}

// takenBack says what of the run's job the kept one, now, has taken back so that
// o is not to be written, or removed, any more; "" if nothing.
func (r *run) takenBack(now job.Job, o store.Object, removal bool) (string, error) {
	match := r.rules.Match
	if !reflect.DeepEqual(now.Filter, r.job.Filter) {
		var err error
		if match, err = now.Filter.Compile(now.Source.Prefix); err != nil {
			return "", err
		}
	}
	switch {
	case removal && !now.Delete:
		return fmt.Sprintf("the job %s does not mirror deletions any more", now.Name), nil
	case !samePlace(now.Source, r.job.Source) || !samePlace(now.Target, r.job.Target):
		return fmt.Sprintf("the job %s has another source or target now", now.Name), nil
	case r.start.Events && !now.Follows(r.job.Source.Bucket, o.Key):
		return fmt.Sprintf("the job %s does not follow events any more", now.Name), nil
	case removal && !match.MatchKey(o.Key), !removal && !match.Match(o):
		return fmt.Sprintf("the filter of the job %s does not choose it any more", now.Name), nil
	}
	return "", nil
}

func samePlace(a, b job.Location) bool {
	return a.Scheme == b.Scheme && a.Bucket == b.Bucket && a.Prefix == b.Prefix
}
