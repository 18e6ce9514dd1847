package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/remains"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Resume derives the open tasks of a run from the ledger, as follow.Run.Open does.
func (p *Pipeline) Resume(ctx context.Context, name string) ([]task.Task, error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.Next.Open(ctx)
}

// Lost derives the tasks of a run whose turn it is and that no record answers for, as
// follow.Run.Lost does.
func (p *Pipeline) Lost(ctx context.Context, name string) (lost []task.Task, newest time.Time, err error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return nil, newest, err
	}
	return r.Next.Lost(ctx)
}

// GiveUp ends a task that cannot be done, so that its run ends too: its batch is written off as
// failed, its shard closed or verified as failed. Whatever record stands by then wins. What the
// whole run came to cannot be made up: its report, and its decision on deletions, are tried again
// for as long as it takes. A task of a run that is stopped is dropped: where the run is resumed,
// it gets its tries anew.
func (p *Pipeline) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	r, err := p.process.Run(ctx, t.Run)
	if err != nil {
		return nil, err
	}
	s, _, err := r.Ledger.Steering().ReadStanding(ctx)
	if err == nil && s == ledger.Paused && t.Kind == task.Event && t.Key != "" { // no record tells of it
		return park(ctx, r, t, ledger.Row{Src: store.Object{Key: t.Key}, State: ledger.Pending})
	}
	if err != nil || s.Stopped() {
		return nil, err
	}
	r.Log.ErrorContext(ctx, "task given up", "kind", t.Kind, "shard", t.Shard, "fault", fault.KindOf(cause), "err", cause)
	p.process.Config.Watch(watch.Progress{Kind: watch.GaveUp, Task: t, Err: cause})
	if t.Kind == task.Decide || t.Kind == task.Report {
		return r.Ending().Insist(ctx, t, func() ([]task.Task, error) { return step(ctx, r, t) })
	}
	return r.Ending().Task(ctx, t, cause)
}

// End closes the books of a run that was cancelled, or whose job was ended for good, as
// giveup.Ending.Run does.
func (p *Pipeline) End(ctx context.Context, name string) (report.Report, error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return report.Report{}, err
	}
	return r.Ending().Run(ctx)
}

// Clean removes what a run has left behind, as remains.Clean does.
func (p *Pipeline) Clean(ctx context.Context, name string, force bool) (remains.Cleaned, error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return remains.Cleaned{Run: name, Stays: []remains.Folder{}}, err
	}
	return remains.Clean(ctx, p.process.Config.Ledger, r.Ledger, r.Job, r.Target, force)
}
