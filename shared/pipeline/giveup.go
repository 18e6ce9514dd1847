package pipeline

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// GiveUp ends a task that cannot be done, so that its run ends too: its batch
// is written off as failed, its shard closed or verified as failed. Whatever
// record stands by then wins. What the whole run came to nobody can make up:
// its report, and its decision on deletions, are tried again for as long as it takes. A task of a run that is stopped is dropped: where
// the run is resumed, it gets its tries anew.
func (p *Pipeline) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	r, err := p.run(ctx, t.Run)
	if err != nil {
		return nil, err
	}
	s, _, err := r.ledger.Standing(ctx)
	if err == nil && s == ledger.Paused && t.Kind == task.Event && t.Key != "" { // no record tells of it
		return r.park(ctx, t, ledger.Row{Src: store.Object{Key: t.Key}, State: ledger.Pending})
	}
	if err != nil || s.Stopped() {
		return nil, err
	}
	r.log.ErrorContext(ctx, "task given up", "kind", t.Kind, "shard", t.Shard, "fault", fault.KindOf(cause), "err", cause)
	p.config.Watch(Progress{Kind: GaveUp, Task: t, Err: cause})
	switch t.Kind {
	case task.List:
		c, err := r.ledger.Close(ctx, ledger.Closed{Shard: t.Shard, Range: t.Range, Failed: cause.Error(), At: p.config.Now()})
		return r.afterList(c), err
	case task.Decide:
		return r.insist(ctx, t, r.decide)
	case task.Copy, task.Delete:
		w, err := r.ledger.WriteOff(ctx, t.Batch, ledger.WriteOff{Lost: cause.Error(), Cause: ledger.CauseOf(cause)})
		return r.afterCopy(t, w), err
	case task.Event:
		w, err := r.ledger.WriteOff(ctx, t.Batch, r.lostEvent(t, cause))
		return r.afterCopy(t, w), err
	case task.Remove:
		w, err := r.unremoved(ctx, t, cause)
		return r.afterCopy(t, w), err
	case task.Begin, task.Part, task.Finish:
		r.drop(ctx, t.Batch)
		w, err := r.ledger.WriteOff(ctx, t.Batch, ledger.WriteOff{Lost: cause.Error(), Cause: ledger.CauseOf(cause)})
		return r.afterCopy(t, w), err
	case task.Verify:
		pr, err := r.ledger.Prove(ctx, ledger.Proved{Shard: t.Shard, Failed: cause.Error(), At: p.config.Now()})
		return r.afterVerify(pr), err
	case task.Report:
		return r.insist(ctx, t, r.report)
	}
	return nil, fault.New(fault.Invalid, "pipeline.GiveUp", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
}

// insist does a task once more that cannot be given up, and where that fails,
// too, returns it once more, later.
func (r *run) insist(ctx context.Context, t task.Task, do func(context.Context, task.Task) ([]task.Task, error)) ([]task.Task, error) {
	next, err := do(ctx, t)
	if err == nil || ctx.Err() != nil || fault.KindOf(err) == fault.Newer {
		return next, err
	}
	r.log.ErrorContext(ctx, "not done, and not given up: it is tried again later", "kind", t.Kind, "fault", fault.KindOf(err), "err", err)
	t.Attempt = 0
	return r.wait(t), nil
}
