// Package pipeline moves a bucket. It is the only package that knows how a
// migration works; read it in this order, which is also the order of the data:
//
//	start.go   Start  -> one List of everything, and one Report
//	list.go    List   -> walks source and target, seals what differs: one Copy
//	                     a batch, one Verify, and one List for what is left
//	seal.go             gathers what was listed into batches, by how long each takes
//	listing/            lists both sides as one, and cuts what is left
//	deadline/           what is left of an invocation
//	verdict/            decides what a listed object needs, and whether so many may be deleted
//	copy.go    Copy   -> copies a batch; what did not end goes into another
//	transfer/           copies objects and parts, as many at a time as are borne, and
//	                    says what becomes of a try that failed; giveup.go of a task
//	part.go    Begin  -> a big object: one Part each for some of its parts
//	           Part   -> what did not fit; the last one yields the Finish
//	uploaded.go         which parts of an upload have a record
//	finish.go  Finish -> checks the whole, then completes the upload
//	outage.go           what becomes of tasks while a whole side does not answer;
//	outage/             finds out whether one does
//	event.go   Event  -> one key that the source notified of: copies it, or has
//	                     it removed; what did not end goes into another
//	events/             follows one key until source and target agree
//	wanted.go           whether something is still to be written, or removed
//	verify.go  Verify -> waits for the shard's batches, and writes what it came to
//	proof/              holds every row against both sides, listed again
//	delete.go  Decide -> once all are verified: one Delete a batch, or none at all
//	           Delete -> removes what the source no longer has
//	           Remove -> what copying has no right to remove
//	mirror/             adds up what a run would delete, for verdict to decide, and removes objects
//	end.go     Report -> waits for all shards, then writes the report; day.go
//	                     that of a day of events; deleted.go adds the deletions
//	resume.go  Resume -> what is open, by the ledger alone
//	await.go            when what waits for others looks again
//	giveup.go           the end of a task that cannot be done
//	stopped.go          what becomes of tasks of a run that is paused, cancelled or over
//	cancel.go  End      -> closes the books of a run that was cancelled
//	clean.go   Clean    -> removes what a run that is over has left behind
//	runs.go             the runs that a process knows; progress.go what it shows of them
//	storm/              tests all of it, in every order of deliveries, deaths and clocks
//
// Every step reads the ledger, does its work, creates one outcome record, and
// returns the tasks that follow. Every step may run twice, also at the same
// time: whoever creates the record decides. What bounds all processes of a run
// together, and whether it goes on, is in package limit; what a run came to, in
// package report; what one would do, in package plan.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/random"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Config puts a Pipeline together.
type Config struct {
	Ledger *ledger.Ledger
	// Open connects to a job's source and target. It is called when a run is
	// started, and by each process that does tasks of it, again if that has forgotten it meanwhile.
	Open func(ctx context.Context, j job.Job) (Source, Target, error)
	// Closed is called with what Open returned when it is not needed any more. May be nil.
	Closed func(Source, Target)

	Log     *slog.Logger
	Watch   func(Progress)   // called with what happens, from many goroutines; may be nil
	Now     func() time.Time // nil: time.Now
	Pause   time.Duration    // before a second try, doubling after; the first wait for others. 30 s if 0
	MaxWait time.Duration    // no wait is longer; 15 min if 0
	Quick   time.Duration    // before an object's second try within a task, doubling after; 200 ms if 0
	Shared  bool             // tasks go into queues that other processes share
	Slots   int              // objects in flight in this process; the largest limits.parallel of its runs if 0
}

// Source is a bucket to read.
type Source = store.Source

// Target is a bucket to write.
type Target interface {
	store.Writer
	// Versioned reports whether conditional PUTs are ignored.
	Versioned(ctx context.Context) (bool, error)
}

// Pipeline does tasks. It is safe for concurrent use.
type Pipeline struct {
	config     Config
	process    string // its name among all that work on its runs
	runs       runs
	pace       limit.Pace
	ledgerDown downtime

	mu   sync.Mutex       // over days
	days map[dayOf]string // the runs of events that new events go to
}

// New returns a Pipeline.
func New(c Config) *Pipeline {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Watch == nil {
		c.Watch = func(Progress) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pause == 0 {
		c.Pause = 30 * time.Second
	}
	if c.MaxWait == 0 {
		c.MaxWait = 15 * time.Minute
	}
	if c.Quick == 0 {
		c.Quick = 200 * time.Millisecond
	}
	return &Pipeline{
		config: c, process: ledger.Nonce(), days: map[dayOf]string{},
		runs: runs{slots: limit.NewAIMD(c.Slots, nil), fixed: c.Slots, byName: map[string]*run{}},
	}
}

// Pause is how long a task waits before its second try: what Config says, or its default.
func (p *Pipeline) Pause() time.Duration { return p.config.Pause }

// run is what every task of one run shares.
type run struct {
	ledger      *ledger.Run                                                         // nil in a plan
	config      *Config                                                             // of the Pipeline
	pace        *limit.Pace                                                         // of this process
	followEvent func(ctx context.Context, j job.Job, key string) (task.Task, error) // Pipeline.FollowEvent

	start  ledger.Started
	job    job.Job
	rules  verdict.Rules // of the job, between src and dst
	src    Source
	dst    store.Writer // speaks source keys
	log    *slog.Logger
	prober outage.Prober  // asks both sides, without limits
	noted  [2]outageNotes // of both sides

	share  *limit.Share // of what bounds all processes of the run
	slots  *limit.AIMD  // as many as its job's limits.parallel, within those of the process
	used   int64        // the count of runs.uses at its last use
	forget func()       // lets go of its buckets
}

// do does one task of the run, unless the run is not to go on.
func (r *run) do(ctx context.Context, t task.Task) ([]task.Task, error) {
	leave, err := r.share.Enter(ctx, t.Kind.Stage() == task.Copying)
	if err != nil {
		return nil, err
	}
	defer leave()
	switch unknown := r.share.State.Expired(); {
	case unknown && r.start.Deployed:
		next := r.wait(t)
		next[0].Since = t.Since // a side that it waits for was not asked
		return next, nil
	case unknown: // somebody waits for this process, and may do something about it
		return nil, fault.New(fault.Temporary, "pipeline.Do", t.Run, errors.New("the ledger does not tell whether the run goes on"))
	}
	if r.isPastDayClose(t) { // whether its own run is over does not matter
		return r.moveToToday(ctx, t)
	}
	if dropped, err := r.dropped(ctx, t); err != nil || dropped {
		return nil, err
	}
	if t.Kind.Stage() == task.Copying && r.share.Excess(ctx) {
		ended, err := r.endedBefore(ctx, t)
		if err != nil {
			return nil, err
		}
		if !ended {
			return r.pass(t), nil
		}
	}
	next, err := r.step(ctx, t)
	if u, taken := verdict.IsUnwanted(err); taken && u.Standing != "" || err != nil && ctx.Err() == nil && r.share.State.Halted() {
		return r.wait(t), nil // cut short: whether it is dropped is decided when it is delivered again
	}
	return next, err
}

// step does one task. These end early when the run is stopped, and leave what
// they had done: copy, part and delete. The others are cut short and leave nothing.
func (r *run) step(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch t.Kind {
	case task.Copy:
		return r.copy(ctx, t)
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
	}
	return nil, fault.New(fault.Invalid, "pipeline.Do", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
}

// run returns the run of that name, connecting to its buckets the first time.
func (p *Pipeline) run(ctx context.Context, name string) (*run, error) {
	if r := p.runs.use(name); r != nil {
		return r, nil
	}
	l := p.config.Ledger.Run(name)
	started, err := l.Started(ctx)
	if err != nil {
		return nil, err
	}
	j, err := job.Decode(started.Job)
	if err != nil {
		return nil, err
	}
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	src, dst, err := p.config.Open(ctx, j)
	if err != nil {
		return nil, err
	}
	if started.Events { // its first record was made by who does not reach the target
		if started.Versioned, err = dst.Versioned(ctx); err != nil {
			p.letGo(src, dst)
			return nil, err
		}
	}
	share := limit.NewShare(l, j.Limits, limit.Options{Process: p.process, Deployed: started.Deployed, Now: p.config.Now, Log: p.config.Log.With("run", name)})
	r := p.bind(l, started, j, match, limit.Source(src, share, "the source "+j.Source.Place()), limit.Target(dst, share, "the target "+j.Target.Place()))
	r.share, r.forget = share, func() { p.letGo(src, dst) }
	r.rules.Keeper, _ = dst.(verdict.Keeper)
	r.slots = limit.NewAIMD(j.Limits.Parallel, p.runs.slots)
	r.prober = outage.Prober{
		Run: name, Buckets: [2]store.Source{src, listing.Rename(dst, j.Source.Prefix, j.Target.Prefix)}, Range: started.Root.Range,
		Limit: j.Limits.Outage, Now: p.config.Now,
	}
	if len(started.Keys) > 0 {
		r.prober.Buckets[outage.Source] = r.src // the bucket may be one that must not be listed
	}
	return p.runs.keep(r), nil
}

// bind returns the run of j between src and dst.
func (p *Pipeline) bind(l *ledger.Run, started ledger.Started, j job.Job, match *job.Matcher, src Source, dst store.Writer) *run {
	r := &run{
		ledger: l, config: &p.config, pace: &p.pace, followEvent: p.FollowEvent, start: started, job: j,
		src: src, dst: listing.Rename(dst, j.Source.Prefix, j.Target.Prefix), log: p.config.Log.With("run", l.Name),
	}
	r.rules = verdict.Rules{Job: j, Match: match, Source: store.TermsOf(src), Target: r.dst, Now: p.config.Now}
	switch {
	case len(started.Keys) > 0:
		r.src = &listing.Named{Source: src, Keys: namedKeys(l, started.Keys)}
	case started.Chain:
		r.src = listing.Anchored{Source: src}
	}
	return r
}

// namedKeys are the keys that the job of a run names.
func namedKeys(l *ledger.Run, segments []ledger.KeySegment) []listing.Keys {
	var all []listing.Keys
	for _, s := range segments {
		all = append(all, listing.Keys{First: s.First, Last: s.Last, Read: func(ctx context.Context) ([]string, error) { return l.Keys(ctx, s) }})
	}
	return all
}

// wait returns t once more, later: a wait spends no try. Waits double up to
// MaxWait and are jittered by a quarter, so that twins separate.
func (r *run) wait(t task.Task) []task.Task {
	t.Delay = r.delay(t.Waits)
	t.Waits++
	t.Since = 0
	return []task.Task{t}
}

// pass returns t for a process to which the run's limits leave a share, soon. It
// spends no try and makes no later wait longer. What may have been worked on
// says so: the message that takes it on is a new one.
func (r *run) pass(t task.Task) []task.Task {
	if t.Again() && t.Resend == 0 {
		t.Resend = task.Touched
	}
	t.Passed++
	t.Delay = random.Jitter(limit.PassAfter)
	return []task.Task{t}
}

// endedBefore reports whether t, which was delivered before, has its outcome:
// what follows from it was perhaps not sent. The message that takes t on does
// not tell of that delivery, and would find the outcome of a twin.
func (r *run) endedBefore(ctx context.Context, t task.Task) (bool, error) {
	if t.Deliveries < 2 {
		return false, nil
	}
	_, err := r.ledger.WrittenOff(ctx, t.Batch)
	if ledger.Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// delay is Pause, doubled n times, at most MaxWait, give or take a quarter.
func (r *run) delay(n int) time.Duration {
	return random.Jitter(min(r.config.Pause<<min(n, 16), r.config.MaxWait))
}
