package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	queuemem "kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// fleet is one run that several processes do, each with a worker of its own,
// on the clock of the process: in a bubble, or the real one.
type fleet struct {
	*world
	began  time.Time
	queues map[task.Stage]*queuemem.Queue
	slow   time.Duration // for each read of a body
	pushed bool          // messages are brought to the processes, which do not receive by themselves

	over     context.Context // ends with the report
	end      context.CancelFunc
	done     sync.WaitGroup
	count    sync.Mutex
	read     []moment // by every process
	requests []moment
	tried    int            // attempts that tasks had spent
	open     map[string]int // bodies, by process
	abreast  int            // processes that had some at the same time, at most
}

// moment is that a process got n bytes, or made n requests.
type moment struct {
	at      time.Duration // since the fleet began
	process string
	n       int
}

func newFleet(t testing.TB, set ...func(*job.Job)) *fleet {
	f := &fleet{world: newWorld(t, set...), queues: map[task.Stage]*queuemem.Queue{}, open: map[string]int{}}
	f.src.Now, f.dst.Now, f.led.Now = time.Now, time.Now, time.Now
	f.over, f.end = context.WithCancel(t.Context())
	for _, s := range task.Stages {
		f.queues[s] = queuemem.New(queuemem.Options{})
	}
	return f
}

// objects puts n objects of that size into the source.
func (f *fleet) objects(n, size int) {
	for i := range n {
		put(f.t, f.src, fmt.Sprintf("k/%05d", i), random(size, uint64(i)))
	}
}

// process starts one and returns what kills it.
func (f *fleet) process(name string) (kill func()) {
	c := f.config
	c.Now = time.Now
	c.Open = func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
		return watched{f.src, f, name}, watchedTarget{f.dst, f, name}, nil
	}
	p := pipeline.New(c)
	w := &worker.Worker{Doer: ended{p, f}, Log: discard, Attempts: 5, Pause: time.Second, Marks: &marks{names: map[string]bool{}}, Send: map[task.Stage]queue.Sender{}}
	for s, q := range f.queues {
		w.Send[s] = q
	}
	ctx, kill := context.WithCancel(f.over)
	for _, q := range f.queues {
		if f.pushed {
			f.done.Go(func() { f.push(ctx, w, q) })
			f.done.Go(func() { f.push(ctx, w, q) })
			continue
		}
		f.done.Go(func() { w.Poll(ctx, q, 2, 5*time.Minute) })
	}
	return kill
}

// push brings one message after the other to a process, as a platform does to an
// instance of a function, which cannot receive less.
func (f *fleet) push(ctx context.Context, w *worker.Worker, q *queuemem.Queue) {
	for ctx.Err() == nil {
		messages, err := q.Receive(ctx, 1, time.Minute)
		if err != nil {
			return // it was killed
		}
		for _, m := range messages {
			invocation, cancel := context.WithTimeout(ctx, 5*time.Minute)
			err := w.Process(invocation, m)
			cancel()
			if err == nil {
				err = q.Delete(ctx, m)
			}
			if err != nil && ctx.Err() == nil {
				f.t.Error(err)
			}
		}
	}
}

// start puts the run's first tasks into the queues. From now on times count.
func (f *fleet) start() {
	f.t.Helper()
	c := f.config
	c.Now, f.began = time.Now, time.Now()
	first, err := pipeline.New(c).Start(f.t.Context(), f.job, runName)
	if err != nil {
		f.t.Fatal(err)
	}
	w := &worker.Worker{Send: map[task.Stage]queue.Sender{}}
	for s, q := range f.queues {
		w.Send[s] = q
	}
	if err := w.Submit(f.t.Context(), first...); err != nil {
		f.t.Fatal(err)
	}
}

// wait waits for the report and for all processes to end.
func (f *fleet) wait() report.Report {
	f.t.Helper()
	f.done.Wait()
	return f.report()
}

// kept is the fleet's run in the ledger.
func (f *fleet) kept() *ledger.Run { return f.config.Ledger.Run(runName) }

// change bounds the run anew.
func (f *fleet) change(l limit.Bounds) {
	f.t.Helper()
	if err := limit.Change(f.t.Context(), f.kept(), l, time.Now()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) note(to *[]moment, process string, n int) {
	f.count.Lock()
	defer f.count.Unlock()
	*to = append(*to, moment{time.Since(f.began), process, n})
}

// rate is what a process, or all ("") of them, got a second from one second to another.
func (f *fleet) rate(of *[]moment, process string, from, to int) float64 {
	f.count.Lock()
	defer f.count.Unlock()
	n := 0
	for _, m := range *of {
		if at := m.at.Seconds(); at >= float64(from) && at < float64(to) && (process == "" || process == m.process) {
			n += m.n
		}
	}
	return float64(n) / float64(to-from)
}

// expect fails unless a rate is that one, give or take a tenth.
func (f *fleet) expect(what string, got, want float64) {
	f.t.Helper()
	if got < 0.9*want || got > 1.1*want {
		f.t.Errorf("%s: %.0f a second, want %.0f give or take a tenth", what, got, want)
	}
}

// ended ends the fleet with the report.
type ended struct {
	*pipeline.Pipeline
	fleet *fleet
}

func (e ended) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	e.fleet.count.Lock()
	e.fleet.tried += t.Attempt
	e.fleet.count.Unlock()
	next, err := e.Pipeline.Do(ctx, t)
	if t.Kind == task.Report && err == nil && len(next) == 0 {
		e.fleet.end()
	}
	return next, err
}

// watched notes what a process reads and asks.
type watched struct {
	store.Source
	fleet   *fleet
	process string
}

func (s watched) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	s.fleet.note(&s.fleet.requests, s.process, 1)
	o, body, err := s.Source.Open(ctx, o, off, n)
	if err == nil {
		s.fleet.opened(s.process, 1)
	}
	return o, timed{ctx, body, s}, err
}

// opened takes in that a process opens a body, or closes one (-1).
func (f *fleet) opened(process string, n int) {
	f.count.Lock()
	defer f.count.Unlock()
	if f.open[process] += n; f.open[process] == 0 {
		delete(f.open, process)
	}
	f.abreast = max(f.abreast, len(f.open))
}

func (c timed) Close() error {
	c.by.fleet.opened(c.by.process, -1)
	return c.ReadCloser.Close()
}

type timed struct {
	ctx context.Context // as a body of a real service, it does not outlive its request
	io.ReadCloser
	by watched
}

func (c timed) Read(p []byte) (int, error) {
	if c.by.fleet.slow > 0 {
		time.Sleep(c.by.fleet.slow)
		p = p[:min(len(p), 16<<10)]
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.ReadCloser.Read(p)
	c.by.fleet.note(&c.by.fleet.read, c.by.process, n)
	return n, err
}

type watchedTarget struct {
	pipeline.Target
	fleet   *fleet
	process string
}

func (t watchedTarget) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	t.fleet.note(&t.fleet.requests, t.process, 1)
	return t.Target.Put(ctx, o, body, how)
}
