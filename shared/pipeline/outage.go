package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/random"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// side is one of the two buckets.
type side int

const (
	source side = iota
	target
	neither side = -1
)

func (s side) String() string { return [...]string{"source", "target"}[s] }

const (
	// inARowFailed is how many objects in a row a side does not serve before it is
	// asked whether it answers at all.
	inARowFailed = 3
	// throttledBefore is how often an object waits for a throttle before that counts
	// as not served: nearly half a minute.
	throttledBefore = 6
	// probeTime bounds one question of whether a bucket, or the ledger, answers.
	probeTime = 10 * time.Second
	// probeReserve is kept free of it at the end of an invocation.
	probeReserve = 3 * time.Second
	// probeObjects is how many objects are read from at most, of the first
	// probeKeys that are listed, to find out whether a source can be read.
	probeObjects, probeKeys = 3, 100
	// ledgerOutageEnds is how long after its last failed probe an outage of the
	// ledger counts as over: tasks ask again within a quarter of an hour.
	ledgerOutageEnds = time.Hour
	// outageNoted is how long a note of an outage tells that it goes on: MaxWait and
	// a quarter, and what a task may take.
	outageNoted = 25 * time.Minute
)

// outage is a whole side that does not answer.
type outage struct {
	side  side
	since time.Time // when the task at hand first met it
	last  error     // what came in place of an answer
}

// wholly reports whether err may be trouble with a whole side: no answer, none in
// time, one that says that the service is ill, or that whoever asks is refused.
func wholly(err error) bool {
	switch fault.KindOf(err) {
	case fault.Temporary, fault.Unknown, fault.Throttled, fault.Denied, fault.Later:
		return true
	}
	return false
}

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
		p.config.Watch(Event{Kind: Up, Task: t})
	}
	if err == nil || ctx.Err() != nil || !wholly(err) {
		return next, err
	}
	if err := p.ledgerOutage(ctx, r, t); err != nil || r == nil {
		return nil, err
	}
	switch o := r.outage(ctx, t, objectOf(err)); {
	case o == nil:
		return nil, boundThrottle(t, err)
	case r.over(o):
		return nil, r.tooLong(o)
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
	if err == nil || ctx.Err() != nil || !wholly(err) {
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
	err = fault.New(fault.Later, "pipeline.Do", t.Run, fault.Errorf("the ledger does not answer since %s, and is waited for up to %s: %w", minute(since), limit, err))
	p.config.Log.WarnContext(ctx, "ledger does not answer, waiting", "run", t.Run, "kind", t.Kind, "since", since, "limit", limit, "err", err)
	p.config.Watch(Event{Kind: Down, Task: t, Err: err})
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

// sidesOf returns the buckets that a task of that kind needs, besides the ledger.
func sidesOf(k task.Kind) []side {
	if k == task.Gate || k == task.Report {
		return nil
	}
	return []side{source, target}
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
	if key := objectOf(err); key != "" && fault.KindOf(err) == fault.Throttled && t.Waits >= mostDeliveries {
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

// outage asks the sides that t needs, at the same time, and returns the first
// that does not answer; nil if both do. key is the object that is in trouble, which
// does not speak for its side; "" where it is none alone.
func (r *run) outage(ctx context.Context, t task.Task, key string) *outage {
	sides := sidesOf(t.Kind)
	down := make([]error, len(sides))
	var all sync.WaitGroup
	for i, s := range sides {
		all.Go(func() { down[i] = r.probe(ctx, s, t.Kind.Stage() == task.Copying, key) })
	}
	all.Wait()
	for i, err := range down {
		if err != nil {
			return r.met(t, sides[i], err)
		}
	}
	return nil
}

// met is the outage that t meets: the one it waits for already, or a new one.
func (r *run) met(t task.Task, s side, last error) *outage {
	o := &outage{side: s, since: r.config.Now().UTC(), last: last}
	if t.Since > 0 {
		o.since = time.Unix(t.Since, 0).UTC()
	}
	return o
}

// over reports whether an outage was waited for as long as the job says.
func (r *run) over(o *outage) bool {
	return r.config.Now().Sub(o.since) > time.Duration(r.job.Limits.Outage)
}

// tooLong is the error of what fails because an outage is over that long.
func (r *run) tooLong(o *outage) error {
	kind := fault.KindOf(o.last)
	if kind == fault.Throttled {
		kind = fault.Temporary // waiting for it is over
	}
	return fault.New(kind, "pipeline.Do", r.ledger.Name, fault.Errorf("the %s has not answered since %s, longer than limits.outage (%s) says to wait; see to it, then run again (last it said: %w)", o.side, minute(o.since), r.job.Limits.Outage, o.last))
}

// await returns t once more, to be done when the outage may be over.
func (r *run) await(t task.Task, o *outage) []task.Task {
	next := r.wait(t)
	next[0].Since = o.since.Unix()
	return next
}

// noteDown puts an outage into the log, shows it to who watches, and leaves a note
// for who asks how far the run is.
func (r *run) noteDown(ctx context.Context, t task.Task, o *outage) {
	if since, due := r.noted[o.side].due(r.config.Now(), o.since); due {
		err := r.ledger.NoteOutage(ctx, ledger.Outage{Side: o.side.String(), Since: since, Asked: r.config.Now().UTC(), Why: ledger.Reason(o.last)})
		if err != nil {
			r.log.DebugContext(ctx, "outage not noted", "side", o.side.String(), "fault", fault.KindOf(err), "err", err)
		}
	}
	err := fault.Errorf("the %s does not answer since %s, and is waited for up to %s: %w", o.side, minute(o.since), r.job.Limits.Outage, o.last)
	r.log.WarnContext(ctx, "bucket does not answer, waiting", "side", o.side.String(), "kind", t.Kind, "since", o.since, "limit", r.job.Limits.Outage, "fault", fault.KindOf(o.last), "err", o.last)
	r.config.Watch(Event{Kind: Down, Task: t, Err: err})
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
// it. newest is when the run's newest record was written.
func OutageOf(ctx context.Context, run *ledger.Run, newest, now time.Time) (ledger.Outage, error) {
	o, err := run.LastOutage(ctx, source.String(), target.String())
	if err != nil || now.Sub(o.Asked) > outageNoted || newest.Sub(o.Asked) > time.Minute {
		return ledger.Outage{}, err
	}
	return o, nil
}

// minute is a time to the minute, for sentences.
func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// probe asks one side whether it answers, and returns what came in place of an
// answer. It lists the first page. With reads it also reads from some objects of
// the source on it, other than key and in no order, for another host serves them than lists them: any
// answer to one of them suffices, also one that refuses it. Where an invocation
// has no time left to ask, the side counts as one that answers.
func (r *run) probe(ctx context.Context, s side, reads bool, key string) error {
	wait := probeTime
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-probeReserve)
	}
	if wait < time.Second {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := r.ask(short, s, reads && s == source, key)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *run) ask(ctx context.Context, s side, reads bool, key string) (unread error) {
	var some []store.Object
	listed := 0
	for o, err := range r.bare[s].List(ctx, r.start.Root.Range) {
		switch {
		case err != nil && wholly(err):
			return err
		case err != nil || !reads:
			return nil
		}
		if o.Key != key && o.Size > 0 && !o.Disabled && !o.Frozen {
			some = append(some, o)
		}
		if listed++; listed == probeKeys {
			break
		}
	}
	// Neighbours are often alike, also in what is wrong with them: they are taken from anywhere.
	random.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
	for _, o := range some[:min(len(some), probeObjects)] {
		if unread = r.unread(ctx, o); unread == nil {
			return nil
		}
	}
	return unread
}

// unread reads the first byte of an object of the source, and returns what came
// in place of an answer.
func (r *run) unread(ctx context.Context, o store.Object) error {
	_, body, err := r.bare[source].Open(ctx, o, 0, 1)
	if err == nil {
		defer func() { _ = body.Close() }()
		_, err = io.ReadFull(body, make([]byte, 1))
	}
	if err != nil && fault.KindOf(err) != fault.Denied && wholly(err) {
		return err
	}
	return nil
}

// sides finds out, while the objects of a task are dealt with, whether a whole
// side does not answer.
type sides struct {
	task   task.Task
	fails  [2]atomic.Int32 // objects in a row that were not served, by side
	enough int32           // of them, to ask the side; inARowFailed if 0

	asking sync.Mutex
	out    atomic.Pointer[outage] // what is left waits for it
	late   atomic.Pointer[outage] // it was waited for as long as the job says
}

// blocked reports whether what is left waits for a side.
func (s *sides) blocked() bool { return s.out.Load() != nil }

// served notes that a side served an object.
func (s *sides) served(on side) { s.fails[on].Store(0) }

// unserved notes that a side did not serve an object because of err, which is
// one that may be trouble with the whole. Several in a row are looked into: if
// the side does not answer at all, the object waits and spends no try. Otherwise
// unserved returns the error that stands.
func (s *sides) unserved(ctx context.Context, r *run, on side, key string, err error) (waits bool, stands error) {
	enough := s.enough
	if enough == 0 {
		enough = inARowFailed
	}
	if s.fails[on].Add(1) < enough {
		return s.blocked(), err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	switch late := s.late.Load(); {
	case s.blocked() || s.fails[on].Load() < enough: // another one asked meanwhile
		return s.blocked(), err
	case late != nil && late.side == on:
		return false, r.tooLong(late)
	}
	last := r.probe(ctx, on, fault.KindOf(err) != fault.Denied, key)
	if last == nil {
		s.fails[on].Store(0)
		return false, err
	}
	o := r.met(s.task, on, last)
	if r.over(o) {
		s.late.Store(o)
		return false, r.tooLong(o)
	}
	s.out.Store(o)
	r.noteDown(ctx, s.task, o)
	return true, err
}

// since is since when a side that is needed for what is left has not answered,
// in Unix seconds; 0: it does.
func (s *sides) since() int64 {
	for _, o := range []*outage{s.out.Load(), s.late.Load()} {
		if o != nil {
			return o.since.Unix()
		}
	}
	return 0
}

// still is the outage that the task waited for already, and still waits for; nil
// if it met it just now, or there is none. Where nothing has ended meanwhile the
// task itself waits on, and no record is added to those that stand.
func (s *sides) still() *outage {
	if s.task.Since == 0 {
		return nil
	}
	return s.out.Load()
}
