package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

const (
	// probeTime bounds the question of whether the ledger answers.
	probeTime = 10 * time.Second
	// ledgerOutageEnds is how long after its last failed probe an outage of the
	// ledger counts as over: tasks ask again within a quarter of an hour.
	ledgerOutageEnds = time.Hour
	// outageNoted is how long a note of an outage tells that it goes on: MaxWait and
	// a quarter, and what a task may take.
	outageNoted = 25 * time.Minute
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
		next, err = r.do(ctx, t)
	}
	if err == nil && t.Since > 0 && !slices.ContainsFunc(next, func(n task.Task) bool { return n.Since > 0 }) {
		p.config.Log.InfoContext(ctx, "buckets answer again", "run", t.Run, "kind", t.Kind)
		p.config.Watch(Progress{Kind: Up, Task: t})
	}
	if err == nil || ctx.Err() != nil || !outage.Suspected(err) {
		return next, err
	}
	if err := p.ledgerOutage(ctx, r, t); err != nil || r == nil {
		return nil, err
	}
	switch o := r.outage(ctx, t, objectOf(err)); {
	case o == nil:
		return nil, boundThrottle(t, err)
	case r.prober.Over(o):
		return nil, r.prober.TooLong(o)
	default:
		r.noteDown(ctx, t, o)
		return r.await(t, o), nil
	}
}

// ledgerOutage returns an error, which is Later, if the ledger does not answer,
// for as long as the limits say: then nothing can be decided or noted. r is nil
// where not even the run could be read, which is Later, too.
func (p *Pipeline) ledgerOutage(ctx context.Context, r *run, t task.Task) error {
	short, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	_, err := p.config.Ledger.Run(t.Run).Over(short)
	if err == nil || ctx.Err() != nil || !outage.Suspected(err) {
		return nil
	}
	limit := job.DefaultLimits().Outage
	if r != nil {
		limit = r.job.Limits.Outage
	}
	since := p.ledgerDown.met(p.config.Now())
	if p.config.Now().Sub(since) > time.Duration(limit) {
		return nil
	}
	err = fault.New(fault.Later, "pipeline.Do", t.Run, fault.Errorf("the ledger does not answer since %s, and is waited for up to %s: %w", outage.Minute(since), limit, err))
	p.config.Log.WarnContext(ctx, "ledger does not answer, waiting", "run", t.Run, "kind", t.Kind, "since", since, "limit", limit, "err", err)
	p.config.Watch(Progress{Kind: Down, Task: t, Err: err})
	return err
}

// downtime is since when the ledger has not answered, as far as this process knows.
type downtime struct {
	mu          sync.Mutex
	since, last time.Time
}

// met takes in that it did not answer now, and returns since when.
func (d *downtime) met(now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.last) > ledgerOutageEnds {
		d.since = now
	}
	d.last = now
	return d.since
}

// objectError is an error of one object that a whole task is about: a Begin, a
// Part or a Finish.
type objectError struct {
	key string
	err error
}

func (e *objectError) Error() string { return e.err.Error() }
func (e *objectError) Unwrap() error { return e.err }

// ofObject says that err arose where the object of that key was dealt with. What
// the ledger answered is the ledger's all the same.
func ofObject(key string, err error) error {
	if err == nil || ledger.IsTrouble(err) {
		return err
	}
	return &objectError{key, err}
}

// objectOf is the key of the object that err arose at, "" if at none alone.
func objectOf(err error) string {
	if e, ok := errors.AsType[*objectError](err); ok {
		return e.key
	}
	return ""
}

// boundThrottle is err, which spends tries where it is a throttle that t, of one
// object, has waited for as often as an object is waited for: a run always ends.
func boundThrottle(t task.Task, err error) error {
	if key := objectOf(err); key != "" && fault.KindOf(err) == fault.Throttled && t.Waits >= transfer.MaxThrottledDeliveries {
		return ofObject(key, fault.New(fault.Temporary, "pipeline.Do", key, err))
	}
	return err
}

// OfOneObject reports whether an error of Do is trouble with one object alone: the
// sides answer, or were not in question. Giving its task up costs that object, and
// everything else goes on.
func OfOneObject(err error) bool {
	_, ok := errors.AsType[*objectError](err)
	return ok
}

// outage asks the buckets whether they answer, and returns the first that does
// not; nil if both do, or t needs none. key is the object that is in trouble, which
// does not speak for its side; "" where it is none alone.
func (r *run) outage(ctx context.Context, t task.Task, key string) *outage.Outage {
	if t.Kind == task.Decide || t.Kind == task.Report {
		return nil
	}
	return r.prober.Find(ctx, t.Kind.Stage() == task.Copying, key, t.Since)
}

// tracker returns what finds out, while t deals with objects, whether a bucket does
// not answer: it is asked once enough objects in a row were not served.
func (r *run) tracker(t task.Task, enough int) *outage.Tracker {
	return outage.NewTracker(&r.prober, t.Since, enough, func(ctx context.Context, o *outage.Outage) { r.noteDown(ctx, t, o) })
}

// await returns t once more, to be done when the outage may be over.
func (r *run) await(t task.Task, o *outage.Outage) []task.Task {
	next := r.wait(t)
	next[0].Since = o.Since.Unix()
	return next
}

// noteDown puts an outage into the log, shows it to who watches, and leaves a note
// for who asks how far the run is.
func (r *run) noteDown(ctx context.Context, t task.Task, o *outage.Outage) {
	if since, due := r.noted[o.Side].due(r.config.Now(), o.Since); due {
		err := r.ledger.NoteOutage(ctx, ledger.Outage{Side: o.Side.String(), Since: since, Asked: r.config.Now().UTC(), Why: ledger.Reason(o.Last)})
		if err != nil {
			r.log.DebugContext(ctx, "outage not noted", "side", o.Side.String(), "fault", fault.KindOf(err), "err", err)
		}
	}
	err := fault.Errorf("the %s does not answer since %s, and is waited for up to %s: %w", o.Side, outage.Minute(o.Since), r.job.Limits.Outage, o.Last)
	r.log.WarnContext(ctx, "bucket does not answer, waiting", "side", o.Side.String(), "kind", t.Kind, "since", o.Since, "limit", r.job.Limits.Outage, "fault", fault.KindOf(o.Last), "err", o.Last)
	r.config.Watch(Progress{Kind: Down, Task: t, Err: err})
}

// outageNotes is what this process noted of a side's outages.
type outageNotes struct {
	mu        sync.Mutex
	since, at time.Time
}

// due reports whether an outage is to be noted now, as it is once a minute, and
// since when, as far as this process knows.
func (n *outageNotes) due(now, since time.Time) (time.Time, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.at) > ledgerOutageEnds || since.Before(n.since) {
		n.since = since
	}
	if now.Sub(n.at) < time.Minute {
		return n.since, false
	}
	n.at = now
	return n.since, true
}

// OutageOf returns a run's outage that tasks wait for, zero where there is none as far as
// their notes tell: tasks that wait ask again within a quarter of an hour, and note
// it. newest is when the newest record of the run was written, by the clock of the store.
func OutageOf(ctx context.Context, run *ledger.Run, newest, now time.Time) (ledger.Outage, error) {
	o, err := run.LastOutage(ctx, outage.Source.String(), outage.Target.String())
	if err != nil || now.Sub(o.Asked) > outageNoted || newest.Sub(o.Written) > time.Minute {
		return ledger.Outage{}, err
	}
	return o, nil
}
