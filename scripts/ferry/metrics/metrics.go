// Package metrics counts what an agent, or ferry copy, does, and serves the counts and its health by HTTP.
package metrics

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// Agent counts what a process does, for Prometheus and for its last line.
// It is safe for concurrent use.
//
//	ferry_tasks_total{kind,outcome}          done, throttled, failed, newer, cut_off, given_up
//	ferry_task_duration_seconds{kind}        how long each took
//	ferry_tasks_running{kind}
//	ferry_objects_total{state}               copied, unchanged, failed, …: as their rows say
//	ferry_copied_bytes_total                 parts of big objects included
//	ferry_throttles_total                    answers to slow down, each waited for
//	ferry_faults_total{fault}                faults met with objects and dealt with
//	ferry_receives_total{queue,outcome}      ok, failed
//	ferry_last_answer_timestamp_seconds{queue}  when a queue was read last, in Unix time
//
// The depth of queues is not among them: it costs a request for each queue at each scrape,
// and their service has it.
type Agent struct {
	set               *metrics.Set
	done, objects     atomic.Int64 // tasks, and objects copied
	bytes             *metrics.Counter
	throttles         *metrics.Counter
	live              [len(task.Kinds)]atomic.Int64 // tasks under way, as task.Kinds has them
	mu                sync.Mutex
	answers, failures map[string]time.Time // by queue: when a receive last succeeded, and since when they fail
}

// New returns counts of nothing yet.
func New() *Agent {
	m := &Agent{set: metrics.NewSet(), answers: map[string]time.Time{}, failures: map[string]time.Time{}}
	metrics.ExposeMetadata(true)
	m.bytes, m.throttles = m.set.NewCounter("ferry_copied_bytes_total"), m.set.NewCounter("ferry_throttles_total")
	for i, k := range task.Kinds {
		m.set.NewGauge(fmt.Sprintf("ferry_tasks_running{kind=%q}", k), func() float64 { return float64(m.live[i].Load()) })
	}
	return m
}

// Write writes the counts as Prometheus reads them, with what the process itself uses.
func (m *Agent) Write(w io.Writer) {
	describe(w, m.set.WritePrometheus)
	writeProcess(w)
}

// countedDoer counts the tasks of the Doer in it.
type countedDoer struct {
	worker.Doer
	m *Agent
}

// Count returns d with its tasks counted.
func (m *Agent) Count(d worker.Doer) worker.Doer { return countedDoer{d, m} }

func (c countedDoer) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	if i := slices.Index(task.Kinds[:], t.Kind); i >= 0 {
		c.m.live[i].Add(1)
		defer c.m.live[i].Add(-1)
	}
	begun := time.Now()
	next, err := c.Doer.Do(ctx, t)
	c.m.set.GetOrCreatePrometheusHistogram(fmt.Sprintf("ferry_task_duration_seconds{kind=%q}", t.Kind)).UpdateDuration(begun)
	c.m.ended(t, howEnded(ctx, err))
	if err == nil {
		c.m.done.Add(1)
	}
	return next, err
}

func (c countedDoer) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	next, err := c.Doer.GiveUp(ctx, t, cause)
	if err == nil {
		c.m.ended(t, "given_up")
	}
	return next, err
}

func (m *Agent) ended(t task.Task, how string) {
	m.set.GetOrCreateCounter(fmt.Sprintf("ferry_tasks_total{kind=%q,outcome=%q}", t.Kind, how)).Inc()
}

// howEnded returns how a task ended, as the metric has it.
func howEnded(ctx context.Context, err error) string {
	switch kind := fault.KindOf(err); {
	case err == nil:
		return "done"
	case ctx.Err() != nil:
		return "cut_off"
	case kind == fault.Throttled:
		return "throttled"
	case kind == fault.Newer:
		return "newer"
	}
	return "failed"
}

// Watch counts an event of the pipeline.
func (m *Agent) Watch(e watch.Progress) {
	switch e.Kind {
	case watch.Settled:
		m.set.GetOrCreateCounter(fmt.Sprintf("ferry_objects_total{state=%q}", e.Row.State)).Inc()
		if e.Row.State != ledger.Copied {
			return
		}
		m.objects.Add(1)
		if e.Task.Kind == "" { // else its parts were counted as Moved
			m.bytes.AddInt64(e.Row.Src.Size)
		}
	case watch.PartCopied:
		m.bytes.AddInt64(e.Bytes)
	case watch.Slowed:
		m.throttles.Inc()
	case watch.Caught:
		if kind := fault.KindOf(e.Err); kind != "" {
			m.set.GetOrCreateCounter(fmt.Sprintf("ferry_faults_total{fault=%q}", kind)).Inc()
		}
	}
}

// Answered counts a receive, whose error is err.
func (m *Agent) Answered(queue string, err error) {
	how, now := "ok", time.Now()
	m.mu.Lock()
	switch {
	case err == nil:
		if _, known := m.answers[queue]; !known {
			m.set.NewGauge(fmt.Sprintf("ferry_last_answer_timestamp_seconds{queue=%q}", queue), func() float64 { return m.lastAnswer(queue) })
		}
		m.answers[queue] = now
		delete(m.failures, queue)
	default:
		how = "failed"
		if _, failing := m.failures[queue]; !failing {
			m.failures[queue] = now
		}
	}
	m.mu.Unlock()
	m.set.GetOrCreateCounter(fmt.Sprintf("ferry_receives_total{queue=%q,outcome=%q}", queue, how)).Inc()
}

func (m *Agent) lastAnswer(queue string) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return float64(m.answers[queue].UnixMilli()) / 1000
}

// Running returns how many tasks are under way.
func (m *Agent) Running() (n int64) {
	for i := range m.live {
		n += m.live[i].Load()
	}
	return n
}

// Sum returns what was done: tasks, and the objects and bytes that were copied.
func (m *Agent) Sum() (tasks, objects, bytes int64) {
	return m.done.Load(), m.objects.Load(), int64(m.bytes.Get())
}

// Unread names the queues whose receives have failed for longer than patience.
func (m *Agent) Unread(patience time.Duration) (queues []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for queue, since := range m.failures {
		if time.Since(since) > patience {
			queues = append(queues, queue)
		}
	}
	slices.Sort(queues)
	return queues
}
