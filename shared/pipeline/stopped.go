package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// StandingOf returns whether a run's tasks are to be done, as far as this process
// knows. A run that it did no task of goes on.
func (p *Pipeline) StandingOf(name string) ledger.Standing {
	r := p.runs.get(name)
	if r == nil {
		return ledger.Going
	}
	return r.share.State.Standing()
}

// dropped reports whether a task is not to be done any more: its run is paused,
// cancelled or over, or its job was ended for good. What is open of a paused
// run is derived from the ledger when it is resumed.
func (r *run) dropped(ctx context.Context, t task.Task) (bool, error) {
	s := r.share.State.Standing()
	if s == ledger.Paused { // the run may have been resumed since, and this task be the one that resumes it
		var err error
		if s, _, err = r.ledger.Standing(ctx); err != nil {
			return false, err
		}
		r.share.State.Set(s)
	}
	if s == ledger.Paused && t.Kind == task.Event && t.Key != "" {
		return false, nil // no record names its key yet: the step creates one
	}
	if s.Stopped() {
		r.log.InfoContext(ctx, "task dropped", "kind", t.Kind, "shard", t.Shard, "standing", s)
	}
	return s.Stopped(), nil
}

// stopped reports whether the run is known to be stopped, or tasks are to stop
// for it, and not because the invocation ends.
func (r *run) stopped(ctx, work context.Context) bool {
	return ctx.Err() == nil && (work.Err() != nil || r.share.State.Standing().Stopped())
}

// halted reports whether tasks are to stop, and not because the invocation ends.
func halted(ctx, work context.Context) bool { return work.Err() != nil && ctx.Err() == nil }
