package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// Do does one task and returns those that follow from it. An error means that
// nothing is decided: the task must be done again, or given up; one that is
// Later spends no try. While the source or the target does not answer as a
// whole, for as long as the job's limits.outage says, the task itself follows,
// to wait, and no try is spent.
func (p *Pipeline) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	var next []task.Task
	r, err := p.run(ctx, t.Run)
	if err == nil {
		next, err = p.do(ctx, r, t)
	}
	if err == nil && t.Since > 0 && !slices.ContainsFunc(next, func(n task.Task) bool { return n.Since > 0 }) {
		p.config.Log.InfoContext(ctx, "buckets answer again", "run", t.Run, "kind", t.Kind)
		p.config.Watch(Progress{Kind: Up, Task: t})
	}
	if err == nil || ctx.Err() != nil || !outage.Suspected(err) {
		return next, err
	}
	longest := job.DefaultLimits().Outage
	if r != nil {
		longest = r.job.Limits.Outage
	}
	since, down := outage.OfLedger(ctx, p.config.Ledger.Run(t.Run), &p.ledgerDown, p.config.Now, longest)
	if down != nil {
		p.config.Log.WarnContext(ctx, "ledger does not answer, waiting", "run", t.Run, "kind", t.Kind, "since", since, "limit", longest, "err", down)
		p.config.Watch(Progress{Kind: Down, Task: t, Err: down})
	}
	switch {
	case down != nil:
		return nil, down
	case r == nil: // neither side is known: nothing can be asked of them
		return nil, err
	}
	if t.Kind != task.Decide && t.Kind != task.Report {
		var o *outage.Outage
		if o, err = r.prober.Explain(ctx, err, t.Kind.Stage() == task.Copying, t.Since); o != nil {
			noteDown(ctx, r, t, o)
			return r.follow.Await(t, o), nil
		}
	}
	if key, alone := outage.ObjectOf(err); alone && fault.KindOf(err) == fault.Throttled && t.Waits >= transfer.MaxThrottledDeliveries {
		return nil, outage.AtObject(key, fault.New(fault.Temporary, "pipeline.Do", key, err)) // it spends tries: a run always ends
	}
	return nil, err
}

// OfOneObject reports whether an error of Do is trouble with one object alone: the
// sides answer, or were not in question. Giving its task up costs that object, and
// everything else goes on.
func OfOneObject(err error) bool {
	_, ok := outage.ObjectOf(err)
	return ok
}

// do does one task of a run, unless the run is not to go on.
func (p *Pipeline) do(ctx context.Context, r *run, t task.Task) ([]task.Task, error) {
	leave, err := r.share.Enter(ctx, t.Kind.Stage() == task.Copying)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer r.worklog.Enter(ctx, t.Batch, t.Kind.Stage() == task.Copying)()
	switch unknown := r.share.State.Expired(); {
	case unknown && r.start.Deployed:
		next := r.follow.Wait(t)
		next[0].Since = t.Since // a side that it waits for was not asked
		return next, nil
	case unknown: // somebody waits for this process, and may do something about it
		return nil, fault.New(fault.Temporary, "pipeline.Do", t.Run, errors.New("the ledger does not tell whether the run goes on"))
	}
	if t.Kind == task.Event && t.Key != "" && events.IsPastClose(t.Run, p.config.Now()) { // whether its own run is over does not matter
		return p.moveToToday(ctx, r, t)
	}
	parks := t.Kind == task.Event && t.Key != "" // where the run is paused: no record names its key yet
	if s, err := r.permit.Standing(ctx); err != nil {
		return nil, err
	} else if s.Stopped() && !(s == ledger.Paused && parks) { // what is open of a paused run is derived from the ledger when it is resumed
		r.log.InfoContext(ctx, "task dropped", "kind", t.Kind, "shard", t.Shard, "standing", s)
		return nil, nil
	}
	if t.Kind.Stage() == task.Copying && r.share.Excess(ctx) {
		ended, err := endedBefore(ctx, r.ledger, t)
		if err != nil {
			return nil, err
		}
		if !ended {
			return r.follow.Pass(t), nil
		}
	}
	next, err := r.step(ctx, t)
	if u, taken := verdict.IsUnwanted(err); taken && u.Standing != "" || err != nil && ctx.Err() == nil && r.share.State.Halted() {
		return r.follow.Wait(t), nil // cut short: whether it is dropped is decided when it is delivered again
	}
	return next, err
}

// moveToToday returns the task that takes an event that is past the close of its day to
// the present day's run, as the job is kept now; none where it does not follow the key
// any more.
func (p *Pipeline) moveToToday(ctx context.Context, r *run, t task.Task) ([]task.Task, error) {
	switch s := r.share.State.Standing(); {
	case s == ledger.Paused: // it is taken there once its own day is resumed
		return r.follow.Wait(t), nil
	case s.Stopped() && s != ledger.Over:
		return nil, nil
	}
	j, follows, err := p.days.Follows(ctx, r.job, t.Key)
	if err != nil || !follows {
		return nil, err
	}
	later, err := p.FollowEvent(ctx, j, t.Key)
	return []task.Task{later}, err
}

// endedBefore reports whether t, which was delivered before, has its outcome:
// what follows from it was perhaps not sent. The message that takes t on does
// not tell of that delivery, and would find the outcome of a twin.
func endedBefore(ctx context.Context, l *ledger.Run, t task.Task) (bool, error) {
	if t.Deliveries < 2 {
		return false, nil
	}
	_, err := l.Batches().ReadWriteOff(ctx, t.Batch)
	if ledger.Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// step does one task. One whose batch is written off has its outcome. These end early
// when the run is stopped, and leave what they had done: copy, part and delete. The others
// are cut short and leave nothing.
func (r *run) step(ctx context.Context, t task.Task) ([]task.Task, error) {
	var rows func() (batching.Held, error)
	if t.Kind == task.Copy { // which most often is not written off
		rows = readahead.Begin(func() (batching.Held, error) { return r.rows.Read(ctx, r.ledger.Batches(), t.Batch) })
		defer func() {
			if h, err := rows(); err == nil {
				h.Release()
			}
		}()
	}
	if t.Batch != "" {
		w, err := r.ledger.Batches().ReadWriteOff(ctx, t.Batch)
		if err == nil && t.Kind == task.Part { // an upload may have been begun while its batch was written off
			uploads.Drop(ctx, r.ledger, r.dst, t.Batch, r.log)
		}
		if err == nil && t.Fresh() {
			return nil, nil
		}
		if err == nil {
			return r.next.AfterWriteOff(ctx, t, w), nil
		}
		if !ledger.Missing(err) {
			return nil, err
		}
	}
	switch t.Kind {
	case task.Copy:
		return r.copy(ctx, t, rows)
	case task.Begin: // short, and an upload that is begun has to get its record
		return r.begin(ctx, t)
	case task.Part:
		return r.part(ctx, t)
	case task.Event:
		return r.event(ctx, t)
	case task.Remove:
		return r.remove(ctx, t)
	case task.Delete:
		return r.delete(ctx, t)
	}
	work, done := r.share.State.UntilHalted(ctx)
	defer done()
	switch t.Kind {
	case task.List:
		return r.list(work, t)
	case task.Finish:
		return r.finish(work, t)
	case task.Verify:
		return r.verify(work, t)
	case task.Decide:
		return r.decide(work, t)
	case task.Report:
		return r.report(work, t)
	case task.Reprove:
		return r.reprove(work, t)
	}
	return nil, fault.New(fault.Invalid, "pipeline.Do", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
}

// stopped reports whether a run is known to be stopped, or tasks are to stop
// for it, and not because the invocation ends.
func stopped(ctx, work context.Context, s *limit.RunState) bool {
	return ctx.Err() == nil && (work.Err() != nil || s.Standing().Stopped())
}

// halted reports whether tasks are to stop, and not because the invocation ends.
func halted(ctx, work context.Context) bool { return work.Err() != nil && ctx.Err() == nil }

// tracker returns what finds out, while t deals with objects, whether a bucket does
// not answer: it is asked once enough objects in a row were not served.
func (r *run) tracker(t task.Task, enough int) *outage.Tracker {
	return outage.NewTracker(&r.prober, t.Since, enough, func(ctx context.Context, o *outage.Outage) { noteDown(ctx, r, t, o) })
}

// noteDown puts an outage into the log, shows it to who watches, and leaves a note
// for who asks how far the run is.
func noteDown(ctx context.Context, r *run, t task.Task, o *outage.Outage) {
	if err := r.noted.Write(ctx, r.ledger, o, r.config.Now()); err != nil {
		r.log.DebugContext(ctx, "outage not noted", "side", o.Side.String(), "fault", fault.KindOf(err), "err", err)
	}
	r.log.WarnContext(ctx, "bucket does not answer, waiting", "side", o.Side.String(), "kind", t.Kind, "since", o.Since, "limit", r.job.Limits.Outage, "fault", fault.KindOf(o.Last), "err", o.Last)
	r.config.Watch(Progress{Kind: Down, Task: t, Err: r.prober.Awaits(o)})
}
