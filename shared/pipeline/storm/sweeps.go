package storm

import (
	"context"
	"strings"
	"time"

	"kodoferry/shared/task"
)

// A sweep sends again what is lost, and what has a message in its queue is not. It
// may be doubted where the queue holds nearly nothing of what is open, where
// nothing was written down of the run for long, or where its message is older than
// a queue keeps one.
const (
	nearlyNothing = 10                             // open tasks at least, for each message of the queue
	quiet         = sweepEvery / 2                 // how long nothing was written down: what lists, or decides, is doubted
	silent        = 2 * sweepEvery                 // a batch is
	keptFor       = 7*24*time.Hour - 2*time.Second // how long a queue keeps a message; a store dates by the second
)

// sweep is what the world knows of a sweep that a process does.
type sweep struct {
	begun  time.Time
	newest map[string]time.Time   // when a run's newest record was written, as it began
	queues map[task.Stage]backlog // as it last asked
}

// backlog is what a queue holds.
type backlog struct {
	messages int
	chains   map[string]bool // the runs and the chains of its messages
}

// sweeps takes in that a process begins to sweep.
func (w *world) sweeps(p *process) {
	s := &sweep{begun: time.Now(), newest: map[string]time.Time{}, queues: map[task.Stage]backlog{}}
	for _, t := range w.tenants {
		for _, run := range w.runs(t) {
			if w.reported(run) {
				continue
			}
			if walk, err := w.books().Run(run).Glance(context.Background()); err == nil {
				s.newest[run] = walk.Newest
			}
		}
	}
	p.sweep = s
}

// counted takes in that a process asks how much a queue holds.
func (w *world) counted(p *process, q *pile) {
	if p.sweep == nil {
		return
	}
	b := backlog{len(q.messages), map[string]bool{}}
	for _, m := range q.messages {
		if t, err := task.Decode(m.Body); err == nil {
			b.chains[t.Run+" "+t.Chain()] = true
		}
	}
	p.sweep.queues[task.Stage(q.name)] = b
}

// sentAgain holds a task that a sweep sends against what it may take for lost.
// Verifications are not looked at: those that wait for others say so, and not in
// their queue.
func (w *world) sentAgain(p *process, t task.Task) {
	s := p.sweep
	if s == nil || t.Kind.Stage() == task.Verifying {
		return
	}
	queue := s.queues[t.Kind.Stage()]
	idle := s.begun.Sub(s.newest[t.Run]) + time.Second
	switch {
	case !queue.chains[t.Run+" "+t.Chain()]:
	case queue.messages*nearlyNothing <= w.openSince(s.begun, t):
	case idle >= silent, idle >= quiet && t.Batch == "":
	case s.begun.Sub(w.begun) >= keptFor:
	default:
		w.fail("%s: a %s task of %q is sent again, though its message is one of %d in the queue, and %s ago something was written down of its run", p.name, t.Kind, t.Chain(), queue.messages, idle)
	}
}

// openSince counts the batches of t's run, or the shards where t is of none, that
// are named and had no outcome at that time: no fewer than a sweep may have found.
func (w *world) openSince(at time.Time, t task.Task) (n int) {
	for name := range w.named {
		run, id, _ := strings.Cut(name, " ")
		batch := strings.Contains(id, "-")
		if run != t.Run || batch != (t.Batch != "") {
			continue
		}
		outcome := "closed/" + id
		if batch {
			outcome = "copied/" + id
		}
		if o, there := standing(w.led, w.books().Run(run).Path(outcome)); !there || !o.Modified.Before(at.Truncate(time.Second)) {
			n++
		}
	}
	return n
}
