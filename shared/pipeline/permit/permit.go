// Package permit asks, right before something is written to the target or removed from
// it, whether that is still to be: the run may have been stopped, its job ended, removed
// or changed a moment ago.
package permit

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Permit asks the ledger. But for Standing its methods return an *verdict.Unwanted where
// something is not to be done. It is safe for concurrent use.
type Permit struct {
	Ledger *ledger.Ledger
	Steer  ledger.Steering
	Rules  *verdict.Rules
	State  *limit.RunState // of this process, whose tasks end where the run was stopped
	Events bool            // a run of events
	OfKept bool            // the run began by a job that was kept
}

// Standing returns whether the run's tasks are to be done, as far as this process knows.
// A paused run may have been resumed since, and the task at hand be the one that resumes
// it: then the ledger is asked.
func (p *Permit) Standing(ctx context.Context) (ledger.Standing, error) {
	s := p.State.Standing()
	if s != ledger.Paused {
		return s, nil
	}
	s, _, err := p.Steer.ReadStanding(ctx)
	if err == nil {
		p.State.Set(s)
	}
	return s, err
}

// GoesOn asks whether the run's tasks are to be done.
func (p *Permit) GoesOn(ctx context.Context) error {
	s, _, err := p.Steer.ReadStanding(ctx)
	if err == nil && s.Stopped() {
		p.State.Set(s)
		err = &verdict.Unwanted{Standing: s}
	}
	return err
}

// Writable asks whether o is still to be written, or put in order, by the run. The kept
// job counts for events alone: any other run goes on as it began until it is stopped.
func (p *Permit) Writable(ctx context.Context, o store.Object) error {
	if !p.Events {
		return p.GoesOn(ctx)
	}
	_, err := p.wanted(ctx, o, false)
	return err
}

// Removable asks whether the copy of a key is still to be removed, and returns the job as
// it is kept now, or the run's own where none is kept.
func (p *Permit) Removable(ctx context.Context, key string) (job.Job, error) {
	return p.wanted(ctx, store.Object{Key: key}, true)
}

// wanted costs four requests, side by side.
func (p *Permit) wanted(ctx context.Context, o store.Object, removal bool) (job.Job, error) {
	now, isKept := p.Rules.Job, true
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.GoesOn(gctx) })
	g.Go(func() error {
		k, err := kept.ReadJob(gctx, p.Ledger.Folder(), p.Rules.Job.Name)
		if isKept = !ledger.Missing(err); !isKept {
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
	case isKept:
		var err error
		if why, err = p.Rules.TakenBack(now, o, p.Events, removal); err != nil {
			return now, err
		}
	case p.OfKept:
		why = fmt.Sprintf("the job %s is not kept any more", p.Rules.Job.Name)
	}
	if why != "" {
		return now, &verdict.Unwanted{Why: why}
	}
	return now, nil
}
