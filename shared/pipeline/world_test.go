package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/job/keylist"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/queue"
	queuemem "kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// world is two buckets, a ledger, a pipeline, and a queue on a clock of its own.
type world struct {
	t         testing.TB
	src, dst  *mem.Bucket
	led       *mem.Bucket
	job       job.Job
	keys      []string // that the job names; none: the source is listed
	config    pipeline.Config
	pipe      *pipeline.Pipeline
	clock     *queuemem.Manual
	queue     queuemem.Options
	worker    *worker.Worker
	source    func(store.Source) store.Source       // wraps the source, to make trouble
	target    func(pipeline.Target) pipeline.Target // wraps the target
	mu        sync.Mutex
	events    []watch.Progress
	processed int
	before    func(task.Task)       // called ahead of each task
	give      func(task.Task) error // an error in place of doing the task
	lose      func(task.Task) bool  // reports whether a task that follows is lost
}

// Do is the pipeline with what the test does beside it.
func (w *world) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w.before != nil {
		w.before(t)
	}
	if w.give != nil {
		if err := w.give(t); err != nil {
			return nil, err
		}
	}
	next, err := w.pipe.Do(ctx, t)
	if w.lose != nil {
		next = slices.DeleteFunc(next, w.lose)
	}
	return next, err
}

func (w *world) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	return w.pipe.GiveUp(ctx, t, cause)
}

const runName = "j/20260101T000000Z"

// named names the job as its runs are.
func named(j *job.Job) { j.Name = "j" }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, set ...func(*job.Job)) *world {
	t.Helper()
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", append([]func(*job.Job){named}, set...)...)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, job: j, clock: queuemem.NewManual(epoch)}
	w.src, w.dst, w.led = mem.New(mem.Kodo), mem.New(mem.OSS), mem.New(mem.OSS)
	w.src.Now, w.dst.Now, w.led.Now = w.clock.Now, w.clock.Now, w.clock.Now
	w.fresh()
	return w
}

// fresh makes a new pipeline, as a new process would.
func (w *world) fresh() {
	w.config = pipeline.Config{
		Ledger: ledger.Open(w.led, w.job.Ledger.Prefix), Now: w.clock.Now, Pause: time.Second, MaxWait: 10 * time.Second, Quick: time.Millisecond,
		Watch: func(e watch.Progress) { w.mu.Lock(); w.events = append(w.events, e); w.mu.Unlock() },
		Open: func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
			var src store.Source = w.src
			var dst pipeline.Target = w.dst
			if w.source != nil {
				src = w.source(src)
			}
			if w.target != nil {
				dst = w.target(dst)
			}
			return src, dst, nil
		},
	}
	w.pipe = pipeline.New(w.config)
}

func put(t testing.TB, b *mem.Bucket, key string, body []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), store.Object{Key: key, Size: int64(len(body))}, bytes.NewReader(body), store.Put{}); err != nil {
		t.Fatal(err)
	}
}

// putKeys puts empty objects in the order of their keys: one that goes between thousands
// moves all behind it, each of which the race detector looks at.
func putKeys(t testing.TB, b *mem.Bucket, keys ...string) {
	t.Helper()
	for _, k := range slices.Sorted(slices.Values(keys)) {
		put(t, b, k, nil)
	}
}

func read(t testing.TB, b *mem.Bucket, key string) []byte {
	t.Helper()
	_, body, err := b.Open(t.Context(), store.Object{Key: key}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fill puts n objects of many sizes into the source, derived from seed.
func (w *world) fill(n int, seed uint64) {
	w.t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		body := make([]byte, r.IntN(2000))
		for k := range body {
			body[k] = byte(r.Uint32())
		}
		put(w.t, w.src, fmt.Sprintf("k/%05d", i), body)
	}
}

// start begins the run and returns its first tasks.
func (w *world) start() []task.Task {
	w.t.Helper()
	tasks, err := w.pipe.Start(w.t.Context(), w.job, runName, w.keys...)
	if err != nil {
		w.t.Fatal(err)
	}
	return tasks
}

// drive does tasks and what follows from them through a queue until it is
// empty, on a clock that jumps to the next message. It stops after most
// messages (0: never), as a process that dies does.
func (w *world) drive(ctx context.Context, most int, tasks ...task.Task) {
	w.t.Helper()
	o := w.queue
	o.Clock, o.Visibility = w.clock, time.Hour
	q := queuemem.New(o)
	w.worker = &worker.Worker{
		Doer: w, Log: discard, Attempts: w.job.Limits.Attempts, Pause: time.Second,
		Marks: &marks{names: map[string]bool{}},
		Send:  map[task.Stage]queue.Sender{task.Listing: q, task.Copying: q, task.Verifying: q, task.Deleting: q},
	}
	if err := w.worker.Submit(ctx, tasks...); err != nil {
		w.t.Fatal(err)
	}
	for n := 0; most == 0 || n < most; {
		messages, err := q.Receive(ctx, 1, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(messages) == 0 {
			at, ok := q.Next()
			if !ok {
				return
			}
			w.clock.Advance(at.Sub(w.clock.Now()))
			continue
		}
		for _, m := range messages {
			n++
			w.processed++
			if err := w.worker.Process(ctx, m); err != nil {
				if ctx.Err() != nil {
					return
				}
				if _, err := q.Extend(ctx, m, time.Second); err != nil {
					w.t.Fatal(err)
				}
				continue
			}
			if err := q.Delete(ctx, m); err != nil && fault.KindOf(err) != fault.NotFound {
				if ctx.Err() != nil {
					return
				}
				w.t.Fatal(err)
			}
		}
		if n > 100_000 {
			w.t.Fatal("the run does not end")
		}
	}
}

// run runs the job to its report.
func (w *world) run() report.Report {
	w.t.Helper()
	w.drive(w.t.Context(), 0, w.start()...)
	return w.report()
}

// runKeys runs the job over the keys of a list to its end, and returns them.
func (w *world) runKeys(list string) []string {
	w.t.Helper()
	keys, err := keylist.Read(strings.NewReader(list), "keys.txt", "")
	if err != nil {
		w.t.Fatal(err)
	}
	tasks, err := w.pipe.Start(w.t.Context(), w.job, runName, keys...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.drive(w.t.Context(), 0, tasks...)
	return keys
}

func (w *world) report() report.Report {
	w.t.Helper()
	rep, err := report.Read(w.t.Context(), w.config.Ledger.Run(runName))
	if err != nil {
		w.t.Fatalf("no report: %v", err)
	}
	if o := rep.Objects; o.Listed != o.Sum() && len(rep.Unknown) == 0 {
		w.t.Errorf("the books do not balance: %+v", o)
	}
	return rep
}

// settle adds the rows of batches, as they ended, to rows.
func (w *world) settle(run *ledger.Run, batches []ledger.BatchRef, rows map[string]ledger.Row) {
	w.t.Helper()
	for _, b := range batches {
		settled, _, err := run.Batches().Settled(w.t.Context(), b)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range settled {
			rows[r.Key()] = r
		}
	}
}

// rows reads every row of the run as it ended, by key.
func (w *world) rows() map[string]ledger.Row {
	w.t.Helper()
	run := w.config.Ledger.Run(runName)
	walk, err := progress.Walk(w.t.Context(), run)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := map[string]ledger.Row{}
	for _, s := range walk.Shards {
		if s.Closed == nil {
			continue
		}
		w.settle(run, s.Closed.Batches, rows)
	}
	return rows
}

// same fails unless every source object stands in the target, byte for byte.
func (w *world) same() {
	w.t.Helper()
	for o, err := range w.src.List(w.t.Context(), store.Range{Prefix: w.job.Source.Prefix}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if want, got := read(w.t, w.src, o.Key), read(w.t, w.dst, w.job.TargetKey(o.Key)); !bytes.Equal(got, want) {
			w.t.Errorf("%q has %d bytes in the target, want the source's %d, or they differ", o.Key, len(got), len(want))
		}
	}
}

type marks struct {
	mu    sync.Mutex
	names map[string]bool
}

func (m *marks) Marked(_ context.Context, _, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names[name], nil
}

func (m *marks) Mark(_ context.Context, _, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[name] = true
	return nil
}

var discard = slog.New(slog.DiscardHandler)
