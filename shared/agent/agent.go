// Package agent does tasks in a process of its own, where no platform for functions
// does.
//
//	agent.go     Agent.Serve polls the queues of a deployment until it is to end
//	pull.go      Agent.Pull does so in an invocation that a timer begins
//	queues.go    the queues of a deployment, and messages of a newer version
//	local.go     Copy does a whole run in this process, with queues in memory
//	begin.go     how it begins a run, or goes on with one
//	holder.go    one process at a time does such a run; the others follow it
//	progress.go  waiting tasks are woken when what they wait for is done
package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/queue"
	"kodoferry/shared/random"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// Agent does the tasks of a deployment's queues in this process. Every field is
// required. It is safe for concurrent use.
type Agent struct {
	Ledger *ledger.Ledger
	Queues *Queues
	Log    *slog.Logger
	// Worker returns what does the tasks of one stage, of all if it is "".
	Worker func(task.Stage) *worker.Worker
	// Sweep looks for lost tasks; those of a run are sent again once in every at most.
	Sweep func(ctx context.Context, every time.Duration) error
	// Leave gives back this process's share of what bounds the runs.
	Leave func(ctx context.Context)
}

// Options shape an agent.
type Options struct {
	Tasks map[task.Stage]int // the stages it serves, and how many tasks of each at the same time, >= 1
	// Drain is how long tasks under way may go on once the agent is to end. What
	// their context's deadline leaves no time for they hand over.
	Drain    time.Duration
	Capacity capacity.Capacity             // of this process; zero: CapacityOf all Tasks
	Hold     time.Duration                 // how late a message comes again whose agent died; 0: 2 minutes
	Sweep    time.Duration                 // how often an agent of the verify stage looks for lost tasks; 0: every 5 minutes
	Rest     time.Duration                 // it ends when there was nothing to do for that long; 0: it does not
	Wait     time.Duration                 // how long one receive waits; 0: a minute
	Doer     func(worker.Doer) worker.Doer // wraps what does the tasks, to count them; may be nil
	Did      func()                        // called after each message that was dealt with; may be nil
	Answered func(queue string, err error) // called with how each receive ended; may be nil
}

// CapacityOf returns what a process is to have that does so many tasks at a time, and has so
// many objects in flight; 0: as many as are best.
func CapacityOf(tasks, parallel int) capacity.Capacity {
	return capacity.Process(max(capacity.Copying, int64(tasks)*taskMemory, capacity.For(parallel)))
}

// DefaultTasks is how many tasks of each stage an agent does at the same time
// unless Options say otherwise. Objects are bounded over all of them by limits.parallel.
func DefaultTasks(stages ...task.Stage) map[task.Stage]int {
	tasks := map[task.Stage]int{}
	for _, s := range stages {
		tasks[s] = atOnce[s]
	}
	return tasks
}

const (
	// agentHold is Options.Hold, unless that says otherwise.
	agentHold = 2 * time.Minute
	// agentSweep is how often an agent looks for lost tasks, as the sweeper's timer does.
	agentSweep = 5 * time.Minute
	// taskMemory is what a task more than a process of its own does is given, as
	// part of the memory limit: a list task holds the rows of 200,000 keys.
	taskMemory = 16 << 20
)

// Serve does the tasks of some stages until ctx ends: it is an agent, of which
// there may be any number, on any machine, beside functions on the same queues.
// One that serves the verify stage buries dead letters, too, and looks for lost
// tasks. When ctx ends it receives nothing more, lets tasks go on for o.Drain,
// and gives back what was not done by then, and its share of what bounds runs.
func (a *Agent) Serve(ctx context.Context, o Options) {
	n := 0
	for _, tasks := range o.Tasks {
		n += tasks
	}
	if o.Capacity == (capacity.Capacity{}) {
		o.Capacity = CapacityOf(n, 0)
	}
	defer TuneGC(o.Capacity.Heap())()
	idle := &idleTimer{since: time.Now()}
	ended := make(chan time.Time, 1)
	defer context.AfterFunc(ctx, func() { ended <- time.Now() })()
	var all sync.WaitGroup
	for stage, tasks := range o.Tasks {
		w := a.worker(stage, o)
		all.Go(func() { w.Serve(ctx, a.service(a.Queues.Stages[stage], tasks, w.Process, idle, o)) })
	}
	over, stop := context.WithCancel(ctx)
	defer stop()
	var sweeper sync.WaitGroup
	if o.Tasks[task.Verifying] > 0 {
		w := a.worker("", o)
		all.Go(func() { w.Serve(ctx, a.service(a.Queues.Dead, 1, w.Bury, idle, o)) })
		sweeper.Go(func() { a.sweepOften(over, o.Sweep) })
	}
	all.Wait()
	stop()
	sweeper.Wait()
	a.Leave(ctx)
	if ctx.Err() == nil {
		return // idle: no receive was cut off
	}
	// A receive that was cut off may still get a message, which is then given back.
	closing, cancel := context.WithDeadline(context.WithoutCancel(ctx), (<-ended).Add(o.Drain))
	defer cancel()
	a.Queues.Close(closing)
}

func (a *Agent) worker(stage task.Stage, o Options) *worker.Worker {
	w := a.Worker(stage)
	if o.Doer != nil {
		w.Doer = o.Doer(w.Doer)
	}
	return w
}

// service is how an agent serves q.
func (a *Agent) service(q Queue, tasks int, do func(context.Context, queue.Message) error, idle *idleTimer, o Options) worker.Service {
	s := worker.Service{
		Queue: observedQueue{q, q.Name(), o.Answered}, Tasks: tasks, Hold: cmp.Or(o.Hold, agentHold), Wait: o.Wait, Drain: o.Drain,
		Process: func(ctx context.Context, m queue.Message) error {
			defer idle.busy()()
			err := a.Queues.Settle(ctx, q.Name(), m, do)
			if err == nil && o.Did != nil {
				o.Did()
			}
			return err
		},
	}
	if o.Rest > 0 {
		s.Enough = func() bool { return idle.lasted(o.Rest) }
	}
	return s
}

// sweepOften looks for lost tasks now and then until ctx ends. Agents that
// began together do not look together, and the first that sends a run's tasks again
// first is the only one for half an hour, or for 6 looks if those take less.
func (a *Agent) sweepOften(ctx context.Context, every time.Duration) {
	every = cmp.Or(every, agentSweep)
	next := time.NewTimer(time.Duration(float64(every) * (0.5 + random.Float64()/2)))
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if err := a.Sweep(ctx, min(control.SweepEvery, 6*every)); err != nil && ctx.Err() == nil {
				a.Log.WarnContext(ctx, "open runs not looked through, will be tried again", "fault", fault.KindOf(err), "err", err)
			}
			next.Reset(every)
		case <-ctx.Done():
			return
		}
	}
}

// Stages reads the names of stages, each once; none is all of them. The error
// is Invalid and names those there are.
func Stages(names []string) ([]task.Stage, error) {
	if len(names) == 0 {
		return task.Stages[:], nil
	}
	var stages []task.Stage
	var there []string
	for _, s := range task.Stages {
		there = append(there, string(s))
	}
	for _, name := range names {
		s := task.Stage(name)
		if !slices.Contains(task.Stages[:], s) {
			return nil, fault.New(fault.Invalid, "agent.Stages", name, fmt.Errorf("there is no stage %q: write some of %s", name, strings.Join(there, ", ")))
		}
		if !slices.Contains(stages, s) {
			stages = append(stages, s)
		}
	}
	return stages, nil
}

// TuneGC lets the garbage of a process grow within limit bytes, and returns
// what ends that.
func TuneGC(limit int64) (undo func()) {
	before := debug.SetMemoryLimit(min(limit, debug.SetMemoryLimit(-1)))
	percent := debug.SetGCPercent(gcPercent)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(before)
	}
}

// observedQueue is a queue that reports how each receive ended.
type observedQueue struct {
	queue.Queue
	name     string
	answered func(queue string, err error)
}

func (q observedQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	got, err := q.Queue.Receive(ctx, most, wait)
	if q.answered != nil && ctx.Err() == nil {
		q.answered(q.name, err)
	}
	return got, err
}

// idleTimer measures since when no task has been under way.
type idleTimer struct {
	mu    sync.Mutex
	tasks int // under way
	since time.Time
	over  bool // it has lasted long enough: what comes now is for others
}

// busy takes in that a task has begun, and what it returns that it has ended.
func (l *idleTimer) busy() (ended func()) {
	l.count(1)
	return func() { l.count(-1) }
}

func (l *idleTimer) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks += n
	l.since = time.Now()
}

// lasted reports whether there was nothing to do for d. Once it was so that
// stands, so that no queue is left unserved while others are.
func (l *idleTimer) lasted(d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = l.over || l.tasks == 0 && time.Since(l.since) >= d
	return l.over
}
