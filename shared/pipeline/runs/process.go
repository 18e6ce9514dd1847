// Package runs puts the runs together that a process does tasks of, and keeps them. A run
// opens both sides, has them bounded, and makes what each step calls: the one place that
// knows which room is made of which. It decides nothing and creates no record. Package
// pipeline alone imports it.
//
//	process.go   Process: what all runs of a process share
//	run.go       Run: what all tasks of a run share, and how it is put together
//	listers.go   how many shards it lists at a time
//	tools.go     what a single task is done with
package runs

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/cache"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/opening"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/watch"
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

	Watch   func(watch.Progress) // called with what happens, from many goroutines; may be nil
	Now     func() time.Time     // nil: time.Now
	Pause   time.Duration        // before a second try, doubling after; the first wait for others. 30 s if 0
	MaxWait time.Duration        // no wait is longer; 15 min if 0
	Quick   time.Duration        // before an object's second try within a task, doubling after; 200 ms if 0
	Shared  bool                 // tasks go into queues that other processes share
	Waited  bool                 // Do's caller does all tasks of a run: it keeps a Verify until what it waits for is done, and has what waits for all of them look again
	Slots   int                  // objects in flight in this process; the largest limits.parallel of its runs if 0
	Most    int                  // no more than these, and up to them where limits.parallel is auto; job.MaxParallel if 0
	Lists   int                  // shards that this process lists at a time, at most; 0: others list some, too
	Bodies  int64                // bytes of bodies in memory; any number if 0

	WorkEvery time.Duration // how often it is told in the ledger what this process does of a run; never if 0
	Host      string        // as its people call the machine that the process is of, "" of a function's; with its PID it is told there
	PID       int
}

// Source is a bucket to read.
type Source = store.Source

// Target is a bucket to write.
type Target = opening.Target

// Process is what the runs that a process does tasks of share. It is safe for concurrent use.
type Process struct {
	Config Config
	Days   events.Days       // finds the runs that new events go to
	name   string            // among all that work on its runs
	known  cache.Cache[*Run] // those that it knows
	slots  *limit.AIMD       // over all runs
	bodies *limit.Memory     // the same; nil: not bounded
	pace   limit.Pace
	ahead  sync.Map         // *opening.Ahead by the names of runs that were begun here
	rows   *batching.Memory // of batches that are copied, or will be soon
	walks  *listing.Memory  // of shards that are listed

	writings events.Writings // by runs that are over, and by events

	listing   listers       // of the shards that are listed now
	gathering atomic.Int64  // shards that are listed or verified now
	ledger    outage.Notes  // what is known of its outages
	recalling chan struct{} // has one for each shard that is listed beside rows of earlier runs
}

// keptRuns is how many runs a process remembers that it does no task of: a task
// that comes for another one reads its first record again.
const keptRuns = 64

// recalled is how many shards a process lists at a time beside rows of earlier runs: each
// holds a packed file of up to 200,000 of them, some 15 MiB, of each run.
const recalled = 8

// New returns a Process, with what c leaves open as its comments say.
func New(c Config) *Process {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Watch == nil {
		c.Watch = func(watch.Progress) {}
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
	p := &Process{Config: c, name: ledger.Nonce(), slots: limit.NewAIMD(c.Slots, nil), recalling: make(chan struct{}, recalled), rows: batching.NewMemory(c.Now), walks: listing.NewMemory()}
	p.Days.Ledger, p.Days.Now = c.Ledger, c.Now
	p.writings.Ledger, p.writings.Now = c.Ledger, c.Now
	p.writings.Runs.Ledger, p.writings.Runs.Now, p.writings.Runs.Warn = c.Ledger, c.Now, p.PassedOver(context.Background(), "")
	if c.Bodies > 0 {
		p.bodies = limit.NewMemory(c.Bodies)
	}
	p.known = cache.Cache[*Run]{
		Most:   keptRuns,
		Busy:   func(r *Run) bool { return r.Share.Busy() },
		Forget: func(r *Run) { r.forget() },
		Changed: func(all []*Run) {
			most := 0
			for _, r := range all {
				most = max(most, r.Job.Limits.AtOnce(c.Most))
			}
			p.slots.Resize(cmp.Or(c.Slots, most))
		},
	}
	return p
}

// StandingOf returns whether a run's tasks are to be done, as far as this process knows. A
// run that it did no task of goes on.
func (p *Process) StandingOf(name string) ledger.Standing {
	if r, ok := p.known.Get(name); ok {
		return r.Share.State.Standing()
	}
	return ledger.Going
}

// Opening returns what a run is begun by, but for its End; ahead says that both sides are
// listed ahead, which is kept for the run's first List.
func (p *Process) Opening(ahead bool) opening.Config {
	c := p.Config
	listed := func(run string, a *opening.Ahead) { p.ahead.Store(run, a) }
	return opening.Config{Ledger: c.Ledger, Open: c.Open, Closed: c.Closed, PassedOver: p.PassedOver, Listed: listed, Now: c.Now, Shared: c.Shared, Ahead: ahead}
}

// PassedOver returns what is told of a file of an earlier run that cannot be believed.
func (p *Process) PassedOver(ctx context.Context, run string) func(file string, err error) {
	return func(file string, err error) {
		p.Config.Log.WarnContext(ctx, "the rows of an earlier run are passed over: what they are of is judged as without", "run", run, "file", file, "fault", fault.KindOf(err), "err", err)
		if p.Config.PassedOver != nil {
			p.Config.PassedOver(file, err)
		}
	}
}

// leaveTime bounds how long Leave takes.
const leaveTime = 5 * time.Second

// Leave takes back this process's heartbeats, also where ctx has ended: processes
// that share the limits of a run with it need not wait until they are old.
func (p *Process) Leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range p.known.All() {
		all.Go(func() {
			r.Worklog.Leave(ctx)
			if err := r.Share.Leave(ctx); err != nil {
				r.Log.WarnContext(ctx, "signs of life not taken back, they are old in seconds", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
	all.Wait()
}
