// Package pipeline moves a bucket. It is the only package that knows how a migration
// works: a step reads the ledger, calls one room, creates one record, and returns the
// tasks that follow from it. Read start, list, copy, verify, end in this order, which is
// also the order of the data, and each room when a step calls it:
//
//	start.go   Start  -> one List of everything, and one Report
//	  opening/           asks what is to be known before, and creates the first record
//	list.go    List   -> walks source and target, seals what differs: one Copy a
//	                     batch at once, then one Verify, and Lists for what is left
//	  shard/             the walk over a shard, and what is sealed of it meanwhile
//	  listing/           lists both sides as one, and cuts what is left
//	  verdict/           decides what a listed object needs
//	  memory/            what earlier runs left of each key
//	  batching/          gathers rows into batches, divides one that did not end, and holds
//	                     the rows of those that are copied
//	copy.go    Copy   -> copies a batch; what did not end goes into another
//	           Event  -> one key that the source notified of
//	  thaw/              restores what is archived, before it is copied
//	  transfer/          copies objects and parts, as many at a time as are borne; in it
//	                     what is read is held against the hash that the source lists (digest), where
//	                     it lists one, before the last byte leaves, and against what the target
//	                     says it stored; up to 1 MiB, by the target itself against its MD5
//	  permit/            asks whether something is still to be written, or removed
//	  events/            follows one key until source and target agree; finds its day's run
//	big.go     Begin  -> an object in parts: one Part each for some of its parts
//	           Part   -> what did not fit; the last one yields the Finish
//	           Finish -> checks the whole, then completes the upload
//	  uploads/           opens one; which parts have a record, and which uploads are of no use
//	verify.go  Verify -> waits for the shard's batches, and writes what it came to
//	  proof/             holds every row against both sides, listed again; reads no bytes
//	           Reprove -> a piece of the rows of a run that is over, at any time after
//	                     it; a Report of its own ends such a verification
//	  reproof/           holds a row against both sides, listed, asked or read once more
//	end.go     Decide -> once all are verified: one Delete a batch, or none at all
//	           Delete -> removes what the source no longer has
//	           Remove -> what copying has no right to remove
//	           Report -> waits for all shards, then writes the report
//	  mirror/            adds up what a run would delete, and removes objects: both.go has
//	                     the last look at both sides, and the one DELETE
//	  closing/           adds up what a run came to, and writes its report
//
// Around the steps:
//
//	do.go      Do        one task: whether it is done, and what becomes of it while a
//	                     whole side, or the ledger, does not answer
//	  outage/            finds out whether one does
//	  deadline/          what is left of an invocation
//	  follow/            the tasks that follow from records, and those that are done later;
//	                     what waits is woken by the last thing that it waits for
//	  waits/             how long which one waits
//	pipeline.go          what all tasks of a run share
//	  cache/             the runs that a process keeps
//	  readahead/         reads records while the ones before are worked on
//	  worklog/           tells in the ledger, now and then, what a process does of a run
//	resume.go  Resume    what is open, by the ledger alone; Lost
//	           GiveUp    the end of a task that cannot be done
//	           End       closes the books of a run that was cancelled
//	           Clean     removes what a run that is over has left behind
//	  remains/           finds that
//	storm/               tests all of it, in every order of deliveries, deaths and clocks
//
// The order of records and messages, of which nothing waits for the end of a stage. Each
// record is created before the messages that follow from it; where a process dies in
// between, its message is delivered again, finds the record, and sends them:
//
//	rows ─► sealed/S/0 ─► copies of it        a stretch of the shard S, while S is listed
//	rows ─► sealed/S/1 ─► copies of it        behind the copies of the one before
//	  …
//	rows ─► sealed/S/n ─► closed/S ─► the last copies, the verification of S, S's children
//	copied/B ─► the rest of B, or, where it is the last of a shard, its verification
//	verified/S ─► what changed, or, where it is the last of the run, gate.json, which
//	              decides about deletions, or report.json
//
// What closed/S names is what was sealed, in the same order: who lists S again goes on
// behind the newest stretch, and whoever does not get its record created lets go of S.
//
// Package app opens the drivers of both sides; how a source is added stands in
// job/schemes.go.
// Every step may run twice, also at the same time: whoever creates the record decides.
// What bounds all processes of a run together, and whether it goes on, is in package
// limit; what a run came to, in package report; what one would do, in package plan.
package pipeline

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/cache"
	"kodoferry/shared/pipeline/closing"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/opening"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/permit"
	"kodoferry/shared/pipeline/thaw"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/pipeline/waits"
	"kodoferry/shared/pipeline/worklog"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Config puts a Pipeline together.
type Config struct {
	Ledger *ledger.Ledger
	// Open connects to a job's source and target. It is called when a run is
	// started, and by each process that does tasks of it, again if that has forgotten it meanwhile.
	Open func(ctx context.Context, j job.Job) (Source, Target, error)
	// Closed is called with what Open returned when it is not needed any more; may be nil
	Closed func(Source, Target)

	Log *slog.Logger
	// PassedOver is called with a file of an earlier run that cannot be believed, by each
	// task that meets it; may be nil
	PassedOver func(file string, err error)

	// Send sends tasks that follow from one that is not done yet, as Do's caller sends those
	// that Do returns; nil: all wait for its end.
	Send func(ctx context.Context, tasks ...task.Task) error

	Watch   func(Progress)   // called with what happens, from many goroutines; may be nil
	Now     func() time.Time // nil: time.Now
	Pause   time.Duration    // before a second try, doubling after; the first wait for others. 30 s if 0
	MaxWait time.Duration    // no wait is longer; 15 min if 0
	Quick   time.Duration    // before an object's second try within a task, doubling after; 200 ms if 0
	Shared  bool             // tasks go into queues that other processes share
	Slots   int              // objects in flight in this process; the largest limits.parallel of its runs if 0
	Most    int              // no more than these, and up to them where limits.parallel is auto; job.MaxParallel if 0
	Bodies  int64            // bytes of bodies in memory; any number if 0

	WorkEvery time.Duration // how often it is told in the ledger what this process does of a run; never if 0
	Host      string        // as its people call the machine that the process is of, "" of a function's; with its PID it is told there
	PID       int
}

// Source is a bucket to read.
type Source = store.Source

// Target is a bucket to write.
type Target = opening.Target

// Pipeline does tasks. It is safe for concurrent use.
type Pipeline struct {
	config     Config
	process    string            // its name among all that work on its runs
	runs       cache.Cache[*run] // those that it knows
	slots      *limit.AIMD       // over all runs
	bodies     *limit.Memory     // the same; nil: not bounded
	pace       limit.Pace
	ahead      sync.Map        // *opening.Ahead by the names of runs that were begun here
	days       events.Days     // finds the runs that new events go to
	rows       batching.Memory // of batches that are copied
	gathering  atomic.Int64    // shards that are listed or verified now
	recalling  chan struct{}   // has one for each shard that is listed beside rows of earlier runs
	ledgerDown outage.Notes
}

// keptRuns is how many runs a process remembers that it does no task of: a task
// that comes for another one reads its first record again.
const keptRuns = 64

// recalled is how many shards a process lists at a time beside rows of earlier runs: each
// holds a packed file of up to 200,000 of them, some 15 MiB, of each run.
const recalled = 8

// New returns a Pipeline.
func New(c Config) *Pipeline {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Watch == nil {
		c.Watch = func(Progress) {}
	}
	if c.Closed == nil {
		c.Closed = func(Source, Target) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Pause = cmp.Or(c.Pause, 30*time.Second)
	c.MaxWait = cmp.Or(c.MaxWait, 15*time.Minute)
	c.Quick = cmp.Or(c.Quick, 200*time.Millisecond)
	c.Most = cmp.Or(c.Most, job.MaxParallel)
	p := &Pipeline{config: c, process: ledger.Nonce(), slots: limit.NewAIMD(c.Slots, nil), recalling: make(chan struct{}, recalled), rows: batching.NewMemory()}
	if c.Bodies > 0 {
		p.bodies = limit.NewMemory(c.Bodies)
	}
	p.days.Ledger, p.days.Now = c.Ledger, c.Now
	p.runs = cache.Cache[*run]{
		Most:   keptRuns,
		Busy:   func(r *run) bool { return r.share.Busy() },
		Forget: func(r *run) { r.forget() },
		Changed: func(all []*run) {
			most := 0
			for _, r := range all {
				most = max(most, r.job.Limits.AtOnce(c.Most))
			}
			p.slots.Resize(cmp.Or(c.Slots, most))
		},
	}
	return p
}

// Pause is how long a task waits before its second try: what Config says, or its default.
func (p *Pipeline) Pause() time.Duration { return p.config.Pause }

// StandingOf returns whether a run's tasks are to be done, as far as this process
// knows. A run that it did no task of goes on.
func (p *Pipeline) StandingOf(name string) ledger.Standing {
	if r, ok := p.runs.Get(name); ok {
		return r.share.State.Standing()
	}
	return ledger.Going
}

// run is what every task of one run shares: what its steps read, call and write.
type run struct {
	config *Config
	ledger *ledger.Run
	start  ledger.Started
	job    job.Job
	rules  verdict.Rules  // of the job, between src and dst
	memory *memory.Memory // what earlier runs left of each key
	src    Source
	dst    store.Writer // speaks source keys
	log    *slog.Logger

	follow follow.Tasks   // makes its tasks
	next   *follow.Run    // makes those that the ledger tells of
	permit *permit.Permit // asks whether it goes on, and what it may write
	books  closing.Books  // adds up what it came to
	thawer thaw.Thawer    // restores what is archived at the source
	prober outage.Prober  // asks both sides, without limits
	noted  outage.OfSides

	pace      *limit.Pace           // of this process
	gathering *atomic.Int64         // of this process
	recalling chan struct{}         // of this process
	rows      batching.Memory       // of this process
	share     *limit.Share          // of what bounds all processes of the run
	slots     *limit.AIMD           // as many as its job's limits.parallel, or as are best, within those of the process
	bodies    *limit.Memory         // of the process
	ahead     func() *opening.Ahead // what was listed before it began, once; nil: nothing was
	worklog   *worklog.Log          // what this process does of the run, for those who look
	learns    sync.Once             // how many others found to be best
	forget    func()                // lets go of its buckets

	proving   sync.Map   // has the shards that this process verifies now
	reporting sync.Mutex // held by the task that writes the report
}

// run returns the run of that name, connecting to its buckets the first time.
func (p *Pipeline) run(ctx context.Context, name string) (*run, error) {
	if r, ok := p.runs.Use(name); ok {
		return r, nil
	}
	l := p.config.Ledger.Run(name)
	started, err := l.Begun(ctx)
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
			p.config.Closed(src, dst)
			return nil, err
		}
	}
	log := p.config.Log.With("run", name)
	share := limit.NewShare(l, j.Limits, limit.Options{Process: p.process, Deployed: started.Deployed, Now: p.config.Now, Log: log})
	r := &run{
		config: &p.config, ledger: l, start: started, job: j, log: log, pace: &p.pace, share: share, gathering: &p.gathering, recalling: p.recalling, rows: p.rows,
		src:   limit.Source(src, share, "the source "+j.Source.Place()),
		dst:   listing.Rename(limit.Target(dst, share, "the target "+j.Target.Place()), j.Source.Prefix, j.Target.Prefix),
		slots: slotsOf(j.Limits, p.config.Most, p.slots), bodies: p.bodies,
		forget: func() { p.config.Closed(src, dst) },
		ahead: func() *opening.Ahead {
			a, _ := p.ahead.LoadAndDelete(name)
			was, _ := a.(*opening.Ahead)
			return was
		},
	}
	r.worklog = worklog.New(l.Folder(), live.Work{Process: p.process, Host: p.config.Host, PID: p.config.PID}, p.config.WorkEvery, p.config.Now, r.binds)
	r.rules = verdict.Rules{Job: j, Match: match, Source: store.TermsOf(r.src), Target: r.dst, Describe: r.src.Stat, Now: p.config.Now}
	r.rules.Keeper, _ = dst.(verdict.Keeper)
	_, r.rules.Run, _ = strings.Cut(name, "/")
	r.rules.Job.Thaw = j.Thaw && !started.Events // an event leaves what is archived to the job's next run
	r.thawer = thaw.Thawer{Job: j, Source: r.src, Now: p.config.Now}
	r.thawer.Service, _ = src.(store.Thawer)
	r.memory = &memory.Memory{Ledger: p.config.Ledger, Runs: started.Last, Range: started.Root.Range, Warn: p.passedOver(context.Background(), name)}
	r.follow = follow.Tasks{Run: name, Events: started.Events, Deployed: started.Deployed, Waits: waits.Policy{First: p.config.Pause, Most: p.config.MaxWait, Tries: transfer.Tries}, Now: p.config.Now}
	r.next = &follow.Run{Tasks: r.follow, Ledger: l, Sent: sent.Of(p.config.Ledger), Deletes: j.Delete, Verifies: started.Verifies != nil, Log: log}
	r.permit = &permit.Permit{Ledger: p.config.Ledger, Steer: l.Steering(), Rules: &r.rules, State: &share.State, Events: started.Events, OfKept: started.OfKept()}
	r.books = closing.Books{Ledger: p.config.Ledger, Run: l, Started: started, Job: j, Now: p.config.Now, Log: r.log}
	r.prober = outage.Prober{
		Run: name, Buckets: [2]store.Source{src, listing.Rename(dst, j.Source.Prefix, j.Target.Prefix)}, Range: started.Root.Range,
		Limit: j.Limits.Outage, Now: p.config.Now,
	}
	switch {
	case len(started.Keys) > 0:
		r.src = &listing.Named{Source: r.src, Keys: namedKeys(l.Of(), started.Keys)}
		r.prober.Buckets[outage.Source] = r.src // the bucket may be one that must not be listed
	case started.Chain:
		r.src = listing.Anchored{Source: r.src}
	}
	return p.runs.Keep(name, r), nil
}

// binds says what bounds this process's part of the run now.
func (r *run) binds() (by string, inFlight int) {
	by, inFlight = r.slots.Binds()
	return cmp.Or(r.share.Binds(), by), inFlight
}

// slotsOf returns the slots of a run with those limits, at most most.
func slotsOf(l job.Limits, most int, of *limit.AIMD) *limit.AIMD {
	if l.Parallel == job.AutoParallel {
		return limit.NewAutoAIMD(most, of)
	}
	return limit.NewAIMD(l.AtOnce(most), of)
}

// passedOver returns what is told of a file of an earlier run that cannot be believed.
func (p *Pipeline) passedOver(ctx context.Context, run string) func(file string, err error) {
	return func(file string, err error) {
		p.config.Log.WarnContext(ctx, "the rows of an earlier run are passed over: what they are of is judged as without", "run", run, "file", file, "fault", fault.KindOf(err), "err", err)
		if p.config.PassedOver != nil {
			p.config.PassedOver(file, err)
		}
	}
}

// namedKeys are the keys that the job of a run names.
func namedKeys(l *ledger.Run, segments []ledger.KeySegment) []listing.Keys {
	var all []listing.Keys
	for _, s := range segments {
		all = append(all, listing.Keys{First: s.First, Last: s.Last, Count: s.Count, Read: func(ctx context.Context) ([]string, error) { return ledger.ReadKeys(ctx, l.Folder(), s) }})
	}
	return all
}

// leaveTime bounds how long Leave takes.
const leaveTime = 5 * time.Second

// Leave takes back this process's heartbeats, also where ctx has ended: processes
// that share the limits of a run with it need not wait until they are old.
func (p *Pipeline) Leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range p.runs.All() {
		all.Go(func() {
			r.worklog.Leave(ctx)
			if err := r.share.Leave(ctx); err != nil {
				r.log.WarnContext(ctx, "signs of life not taken back, they are old in seconds", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
	all.Wait()
}

// ProgressKind says what happened.
type ProgressKind = transfer.Kind

const (
	Listed  ProgressKind = "listed"         // N objects of Bytes were sealed in a batch
	Settled ProgressKind = transfer.Settled // Row reached a final state; an object that went in parts by its Task
	Caught  ProgressKind = transfer.Caught  // a fault was met and dealt with: Key, Err
	Slowed  ProgressKind = transfer.Slowed  // a service asked to slow down: Key, Err
	Moved   ProgressKind = transfer.Moved   // Bytes of a big object were copied
	Proven  ProgressKind = "proven"         // verification went over N more objects
	Down    ProgressKind = "down"           // a whole side, or the ledger, does not answer and is waited for: Task, Err
	Up      ProgressKind = "up"             // what Task waited for answers again
	GaveUp  ProgressKind = "gave up"        // Task was given up: Err
)

// Progress is something that a process did or met. It is for display alone: what
// counts is in the ledger.
type Progress struct {
	Kind  ProgressKind
	Key   string
	Row   ledger.Row
	Task  task.Task
	N     int64
	Bytes int64
	Err   error
}
