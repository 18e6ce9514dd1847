package pipeline

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/remains"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/pipeline/uploads"
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

// GiveUp ends a task that cannot be done, so that its run ends too: its batch
// is written off as failed, its shard closed or verified as failed. Whatever
// record stands by then wins. What the whole run came to nobody can make up:
// its report, and its decision on deletions, are tried again for as long as it takes.
// A task of a run that is stopped is dropped: where the run is resumed, it gets its tries
// anew.
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
	p.config.Watch(Progress{Kind: GaveUp, Task: t, Err: cause})
	lost := ledger.WriteOff{Lost: cause.Error(), Cause: ledger.CauseOf(cause)}
	switch t.Kind {
	case task.List:
		c, newest, ok, err := shard.CloseEarly(ctx, ledger.ShardRef{Shard: t.Shard, Range: t.Range, Before: t.Before}, r.Closing(), cause.Error())
		if err != nil {
			return nil, err
		}
		if ok {
			return r.Follow.AfterFailedList(t.Shard, c, newest), nil
		}
		c, err = r.Ledger.Shards().CreateListed(ctx, ledger.Closed{Shard: t.Shard, Range: t.Range, Failed: cause.Error(), At: p.config.Now()})
		return r.Follow.AfterList(c), err
	case task.Verify:
		v, err := r.Ledger.Shards().CreateVerified(ctx, ledger.Proved{Shard: t.Shard, Failed: cause.Error(), At: p.config.Now()})
		if err != nil {
			return nil, err
		}
		return r.Next.AfterVerify(ctx, ledger.Closed{}, v), nil
	case task.Decide:
		return insist(ctx, r, t, decideDeletes)
	case task.Report:
		return insist(ctx, r, t, writeReport)
	case task.Reprove:
		v, err := r.Ledger.Pieces().CreateReproved(ctx, ledger.Reproved{Shard: t.Shard, Range: t.Range, Failed: ledger.Reason(cause), At: p.config.Now().UTC()})
		return r.Follow.Reprove(v.Next), err
	case task.Copy, task.Delete:
	case task.Event:
		if t.Key != "" {
			lost = ledger.WriteOff{Rows: []ledger.Row{events.Lost(t.Key, p.config.Now(), cause)}}
		}
	case task.Remove:
		rows, err := r.Ledger.Batches().ReadRows(ctx, t.Batch)
		if err != nil {
			return nil, err
		}
		mirror.Unremoved(rows, p.config.Now().UTC(), cause)
		lost = ledger.WriteOff{Rows: rows}
	case task.Begin, task.Part, task.Finish:
		uploads.Drop(ctx, r.Ledger, r.Target, t.Batch, r.Log)
	default:
		return nil, fault.New(fault.Invalid, "pipeline.GiveUp", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
	}
	w, err := r.Ledger.Batches().CreateWriteOff(ctx, t.Batch, lost)
	if err != nil {
		return nil, err
	}
	return r.Next.AfterWriteOff(ctx, t, w), nil
}

// insist does a task once more that cannot be given up, and where that fails,
// too, returns it once more, later.
func insist(ctx context.Context, r *runs.Run, t task.Task, do func(context.Context, *runs.Run, task.Task) ([]task.Task, error)) ([]task.Task, error) {
	next, err := do(ctx, r, t)
	if err == nil || ctx.Err() != nil || fault.KindOf(err) == fault.Newer {
		return next, err
	}
	r.Log.ErrorContext(ctx, "not done, and not given up: it is tried again later", "kind", t.Kind, "fault", fault.KindOf(err), "err", err)
	t.Attempt = 0
	return r.Follow.Wait(t), nil
}

// End closes the books of a run that was cancelled, or whose job was ended for
// good: its open uploads are aborted, and its report says what was done and
// what is open. What a process that has not noticed yet still does, the report
// has as open: so limit.Notice should have passed. A run that is over has its report
// already, which End returns; one that goes on is Invalid. It costs a read for
// each batch of a shard that is not verified. It may be cut off at any moment:
// what it has aborted and added up it notes, and the next call goes on there.
func (p *Pipeline) End(ctx context.Context, name string) (report.Report, error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return report.Report{}, err
	}
	switch s, _, err := r.Ledger.Steering().ReadStanding(ctx); {
	case err != nil:
		return report.Report{}, err
	case s == ledger.Over:
		return report.Read(ctx, r.Ledger)
	case s.Final() && r.Started.Verifies != nil:
		w, err := progress.WalkReproof(ctx, r.Ledger)
		if err != nil {
			return report.Report{}, err
		}
		err = reproof.Cancelled(name, r.Job, w, p.config.Now().UTC()).Create(ctx, r.Ledger.Results())
		return report.Report{Summary: report.Summary{Run: name, Result: report.Cancelled}}, err
	case !s.Final():
		return report.Report{}, fault.New(fault.Invalid, "pipeline.End", name, fmt.Errorf("run %s was not cancelled: it is %s", name, s))
	}
	if err := uploads.AbortAll(ctx, r.Ledger, r.Target); err != nil { // the run must end all the same; Clean tries again
		r.Log.WarnContext(ctx, "uploads not aborted", "fault", fault.KindOf(err), "err", err)
	}
	if !r.Started.Events {
		if err := shard.CloseAll(ctx, r.Closing()); err != nil {
			return report.Report{}, err
		}
	}
	rep, manifest, err := r.Books.Cancelled(ctx)
	if err != nil {
		return report.Report{}, err
	}
	if err := r.Books.Publish(ctx, rep, manifest); err != nil {
		return report.Report{}, err
	}
	r.Log.InfoContext(ctx, "run cancelled", "listed", rep.Objects.Listed, "open", rep.Objects.Open)
	return report.Read(ctx, r.Ledger) // another may have been faster
}

// Clean removes what a run has left behind, as remains.Clean does.
func (p *Pipeline) Clean(ctx context.Context, name string, force bool) (remains.Cleaned, error) {
	r, err := p.process.Run(ctx, name)
	if err != nil {
		return remains.Cleaned{Run: name, Stays: []remains.Folder{}}, err
	}
	return remains.Clean(ctx, p.config.Ledger, r.Ledger, r.Job, r.Target, force)
}
