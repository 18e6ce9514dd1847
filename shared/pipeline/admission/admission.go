// Package admission decides whether a task is done now. Before its step, Admit may have it
// dropped, come once more, later or elsewhere, or go on in another run. After a step that
// failed, Postpone has it come again where a side does not answer. The package creates no
// record, and knows tasks, as package follow does.
package admission

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/permit"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// Run decides about the tasks of one run.
type Run struct {
	Ledger   *ledger.Run
	Job      job.Job
	Deployed bool // its tasks go into queues that processes share
	Share    *limit.Share
	Permit   *permit.Permit
	Follow   follow.Tasks
	Days     *events.Days
	Prober   *outage.Prober
	Down     func(ctx context.Context, t task.Task, o *outage.Outage) // called where t waits for a side
	Dropped  func()                                                   // called where a task is dropped, for the run is stopped
	Now      func() time.Time
	Log      *slog.Logger
}

// Admit reports whether t is done now, by a process that has entered the run's Share. Where
// it is not, next takes its place, or nothing: what is open of a paused run is derived from
// the ledger when it is resumed. The error is Temporary where a process that works for one
// caller cannot tell: that one waits for it, and may do something about it.
func (r Run) Admit(ctx context.Context, t task.Task) (admitted bool, next []task.Task, err error) {
	switch unknown := r.Share.State.Expired(); {
	case unknown && r.Deployed:
		next = r.Follow.Wait(t)
		next[0].Since = t.Since // a side that it waits for was not asked
		return false, next, nil
	case unknown:
		return false, nil, fault.New(fault.Temporary, "pipeline.Do", t.Run, errors.New("the ledger does not tell whether the run goes on"))
	}
	named := t.Kind == task.Event && t.Key != ""     // no record names its key yet
	if named && events.IsPastClose(t.Run, r.Now()) { // whether its own run is over does not matter
		next, err = r.moveToToday(ctx, t)
		return false, next, err
	}
	if s, err := r.Permit.Standing(ctx); err != nil {
		return false, nil, err
	} else if s.Stopped() && !(s == ledger.Paused && named) { // an event's step parks its key
		r.Log.InfoContext(ctx, "task dropped", "kind", t.Kind, "shard", t.Shard, "standing", s)
		r.Dropped()
		return false, nil, nil
	}
	if t.Kind.Stage() == task.Copying && r.Share.Excess(ctx) {
		if ended, err := r.ended(ctx, t); err != nil {
			return false, nil, err
		} else if !ended {
			return false, r.Follow.Pass(t), nil
		}
	}
	return true, nil, nil
}

// moveToToday returns the task that takes an event that is past the close of its day to
// the present day's run, as the job is kept now; none where it does not follow the key
// any more.
func (r Run) moveToToday(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch s := r.Share.State.Standing(); {
	case s == ledger.Paused: // the event is taken there once its own day is resumed
		return r.Follow.Wait(t), nil
	case s.Stopped() && s != ledger.Over:
		return nil, nil
	}
	j, follows, err := r.Days.Follows(ctx, r.Job, t.Key)
	if err != nil || !follows {
		return nil, err
	}
	later, err := follow.Event(ctx, r.Days, j, t.Key)
	return []task.Task{later}, err
}

// Postpone returns what becomes of t, whose step failed with err, which may be of a side that
// does not answer: t once more, to wait, where one does not; else the error that stands.
func (r Run) Postpone(ctx context.Context, t task.Task, err error) ([]task.Task, error) {
	if t.Kind != task.Decide && t.Kind != task.Report { // these need neither side
		var o *outage.Outage
		if o, err = r.Prober.Explain(ctx, err, t.Kind.Stage() == task.Copying, t.Since); o != nil {
			r.Down(ctx, t, o)
			return r.Follow.Await(t, o), nil
		}
	}
	if key, alone := outage.ObjectOf(err); alone && fault.KindOf(err) == fault.Throttled && t.Waits >= transfer.MaxThrottledDeliveries {
		return nil, outage.AtObject(key, fault.New(fault.Temporary, "pipeline.Do", key, err)) // the task spends tries: a run always ends
	}
	return nil, err
}

// ended reports whether t, which was delivered before, has its outcome: what follows from
// it was perhaps not sent. The message that takes t on does not tell of that delivery, and
// would find the outcome of a twin.
func (r Run) ended(ctx context.Context, t task.Task) (bool, error) {
	if t.Deliveries < 2 {
		return false, nil
	}
	_, err := r.Ledger.Batches().ReadWriteOff(ctx, t.Batch)
	if ledger.Missing(err) {
		return false, nil
	}
	return err == nil, err
}
