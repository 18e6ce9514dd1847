package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kodoferry/shared/alert/alerting"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// Sites are the places that a run in this process works with.
type Sites struct {
	Source store.Source
	Target pipeline.Target
	Ledger *ledger.Ledger
	Getenv func(string) string // has the URLs of alerts; may be nil
}

// CopyOptions shape a run in this process.
type CopyOptions struct {
	Log        *slog.Logger
	Watch      func(watch.Progress)              // called with what happens; may be nil
	Begun      func(run string, p *progress.Run) // called once with the run's name, and the progress found if it is resumed; may be nil
	Follows    func(Follow)                      // called every few seconds while another process does the run and this one waits; may be nil
	Waited     func(live.Holder)                 // called once for each process that waits for this one; may be nil
	PassedOver func(file string, err error)      // called with a file of an earlier run that cannot be believed, from many goroutines, once or more; may be nil
	Around     func(worker.Doer) worker.Doer     // wraps what does the tasks, to count them or, in tests, to fail; may be nil
	Now        func() time.Time                  // nil: time.Now
	Queues     func(task.Stage) queue.Queue      // nil: queues in memory, of this process alone
	Hidden     time.Duration                     // how long Queues hide a received message; required with them
	Capacity   capacity.Capacity                 // of this process; zero: what capacity.Process says
	Keys       []string                          // the source keys that the job's KeyList names, as job.ReadKeys returns them; none: the source is listed
}

// How many tasks of each stage run at the same time in one process: of an agent, and of one
// that does a whole run. Objects are bounded by the job's limits.parallel over all of them,
// rows in memory by the pipeline. Where batches are small and the services far, several end
// and begin, a few requests each, while the objects of others are under way.
var (
	atOnce   = map[task.Stage]int{task.Listing: 32, task.Copying: 4, task.Verifying: 2, task.Deleting: 1}
	ofOneRun = map[task.Stage]int{task.Listing: 48, task.Copying: 12, task.Verifying: 4, task.Deleting: 1}
)

const (
	// shuffled is of how many batches at a time the next one is drawn.
	shuffled = 16
	// localPause is short: no other process shares the queue, and a user waits.
	localPause = 2 * time.Second
	// Waits may be long: follower cuts them short once there is nothing to wait for.
	firstWait = time.Second
	maxWait   = 30 * time.Second
	// gcPercent lets garbage grow to as much as lives, some 20 MiB, before it is collected; the
	// process's capacity bounds it where more lives. Small objects take as much processor time
	// with 100 as with 150, and less than with 70, 200 and 400: what the collector no longer
	// takes, the first touch of so many pages does (measured in a virtual machine where a page
	// takes 11 µs). Where pages cost less, 400 took 5 % less than 200, and 120 MiB more than 100.
	gcPercent = 100
)

// ErrHalted says that the run was left as it is, to be gone on with later.
var ErrHalted = errors.New("the run was left as it is")

// complete sets what a Copy or a Verify needs and o leaves open.
func (o *CopyOptions) complete() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Capacity == (capacity.Capacity{}) {
		o.Capacity = capacity.Process(capacity.Copying)
	}
}

// Copy runs j from start to report in this process, or goes on with its
// unfinished run. Where another process of one machine does that run, it waits for
// it, and goes on where that stops. It returns the report. If ctx ends first, or the whole is in
// trouble, the error says so and the run can be gone on with.
func Copy(ctx context.Context, s Sites, j job.Job, o CopyOptions) (report.Report, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Begun == nil {
		o.Begun = func(string, *progress.Run) {}
	}
	if o.Follows == nil {
		o.Follows = func(Follow) {}
	}
	if o.Waited == nil {
		o.Waited = func(live.Holder) {}
	}
	o.complete()
	defer TuneGC(o.Capacity.Heap())()
	most, _ := o.Capacity.InFlight()
	var name string // of the run: set before anything happens
	var b *alerting.Doer
	watch := func(e watch.Progress) {
		b.Touch(name)
		if o.Watch != nil {
			o.Watch(e)
		}
	}
	var send func(ctx context.Context, tasks ...task.Task) error // set before any task is done
	me := thisProcess(o.Now())
	lists := ofOneRun[task.Listing]
	if o.Queues != nil { // others may have places, too
		lists = 0
	}
	p := pipeline.New(pipeline.Config{
		WorkEvery: live.WorkEvery, Host: me.Host, PID: me.PID,
		Send:   func(ctx context.Context, tasks ...task.Task) error { return send(ctx, tasks...) },
		Ledger: s.Ledger, Log: o.Log, PassedOver: o.PassedOver, Watch: watch, Now: o.Now, Pause: firstWait, MaxWait: maxWait, Most: most, Lists: lists, Waited: o.Queues == nil, Bodies: o.Capacity.Bodies(),
		// The run's own job says what is done, this process's how to get there.
		Open: func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
			return s.Source, s.Target, nil
		},
	})
	b = alerting.New(p, s.Ledger, s.Getenv, o.Log, o.Now)
	c := &claim{me: me, shares: o.Queues != nil, log: o.Log}
	defer c.behind.Wait()
	defer func() {
		c.release(ctx)
		p.Leave(ctx)
	}()
	err := errHeld
	for errors.Is(err, errHeld) {
		var first []task.Task
		if name, first, err = begin(ctx, p, s.Ledger, j, o, c); errors.Is(err, errHeld) {
			rep, over, err := c.follow(ctx, p, s.Ledger.Run(name), o)
			if err != nil || over {
				return rep, err
			}
			continue
		}
		if err != nil {
			return report.Report{}, err
		}
		err = c.keeping(ctx, o.Waited, func(ctx context.Context) error { return serve(ctx, p, b, name, first, j, o, &send) })
		if errors.Is(err, errHeld) {
			c.forget()
		}
	}
	switch {
	case errors.Is(err, errStopped) && p.StandingOf(name).Final():
		return p.End(ctx, name)
	case errors.Is(err, errStopped):
		return report.Report{Summary: report.Summary{Run: name}}, paused(name, p.StandingOf(name))
	case err != nil:
		return report.Report{Summary: report.Summary{Run: name}}, err
	}
	var over sync.WaitGroup
	over.Go(func() { c.release(ctx) })
	defer over.Wait()
	return report.Read(ctx, s.Ledger.Run(name))
}

// paused says how a run is gone on with that was paused, and that stands so now.
func paused(name string, now ledger.Standing) error {
	if !now.Stopped() {
		return fault.New(fault.Changed, "agent.Copy", name, fmt.Errorf("run %s was paused and resumed at once, and nothing is lost: the same command goes on with it", name))
	}
	return fault.New(fault.Changed, "agent.Copy", name, fmt.Errorf("run %s is paused, and nothing is lost: ferry resume %s lets it go on, by the same command", name, name))
}

// serve does tasks and what follows from them until the report is written.
func serve(ctx context.Context, p *pipeline.Pipeline, b *alerting.Doer, name string, first []task.Task, j job.Job, o CopyOptions, send *func(context.Context, ...task.Task) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var do worker.Doer = b
	if o.Around != nil {
		do = o.Around(do)
	}
	verifying, deleting := mem.New(mem.Options{Visibility: time.Hour}), mem.New(mem.Options{Visibility: time.Hour})
	hurry := func() { verifying.Hurry(); deleting.Hurry() }
	followed := &follower{
		Doer: do, keeps: o.Queues == nil, hurry: hurry, reported: func() { stop(errReported) },
		stopped: func() bool { s := p.StandingOf(name); return s.Stopped() && s != ledger.Over }, halted: func() { stop(errStopped) },
	}
	w := &worker.Worker{
		Doer: followed, Log: o.Log, Attempts: j.Limits.Attempts, Pause: localPause,
		Send: map[task.Stage]queue.Sender{},
		Halt: func(t task.Task, err error) bool {
			kind := fault.KindOf(err)
			if outage.OfOneObject(err) {
				return false // the object fails, as a small one does, and the rest goes on
			}
			if ledger.IsTrouble(err) && kind == fault.Invalid {
				kind = fault.Denied // nothing can be written down, not even that the task is given up
			}
			if !ledger.Unreadable(err) && kind != fault.Denied && (kind == fault.Throttled || kind == fault.Invalid || t.Attempt+1 < j.Limits.Attempts) {
				return false
			}
			stop(errors.Join(ErrHalted, err))
			return true
		},
	}
	queues := map[task.Stage]queue.Queue{
		task.Listing: mem.New(mem.Options{Visibility: time.Hour}), task.Verifying: verifying, task.Deleting: deleting,
		// Shuffled a little, for OSS takes fewer requests a second for keys in a row, and a
		// shard is to be copied soon, so that it is verified while others are copied.
		task.Copying: mem.New(mem.Options{Visibility: time.Hour, Reorder: 1, Window: shuffled}),
	}
	for _, s := range task.Stages {
		if o.Queues != nil {
			queues[s] = o.Queues(s)
		}
		w.Send[s] = queues[s]
	}
	*send = func(ctx context.Context, tasks ...task.Task) error {
		return w.Submit(ctx, followed.follow(nil, tasks)...)
	}
	if err := (*send)(ctx, first...); err != nil {
		return err
	}
	var all sync.WaitGroup
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	all.Go(func() { b.WatchStall(ctx, name, control.StallAfter, minute.C) })
	for _, s := range task.Stages {
		all.Go(func() { w.Poll(ctx, queues[s], ofOneRun[s], cmp.Or(o.Hidden, time.Hour)) })
	}
	all.Wait()
	if cause := context.Cause(ctx); cause != errReported {
		return cause
	}
	return nil
}

var (
	errReported = errors.New("the report is written")
	errStopped  = errors.New("the run is paused or cancelled")
)
