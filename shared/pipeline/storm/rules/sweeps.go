package rules

import (
	"context"
	"strings"
	"time"

	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/task"
)

// SweepEvery is how often a deployment sweeps.
const SweepEvery = 30 * time.Minute

// A sweep sends again what is lost, and what has a message in its queue is not. It
// may be doubted where the queue holds nearly nothing of what is open, where
// nothing was written down of the run for long, or where its message is older than
// a queue keeps one.
const (
	nearlyNothing = 10                             // open tasks at least, for each message of the queue
	quiet         = SweepEvery / 2                 // how long nothing was written down: what lists, or decides, is doubted
	silent        = 2 * SweepEvery                 // a batch is
	keptFor       = 7*24*time.Hour - 2*time.Second // how long a queue keeps a message; a store dates by the second
)

// Sweeps takes in that a process begins to sweep.
func (rules *RecordRules) Sweeps(p *world.Process) {
	s := &world.Sweep{Begun: time.Now(), Newest: map[string]time.Time{}, Queues: map[task.Stage]world.Backlog{}}
	for _, t := range rules.w.Tenants {
		for _, run := range rules.w.Runs(t) {
			if rules.w.Reported(run) {
				continue
			}
			if walk, err := progress.Glance(context.Background(), rules.w.Books().Run(run)); err == nil {
				s.Newest[run] = walk.Newest
			}
		}
	}
	p.Sweep = s
}

// counted takes in that a process asks how much a queue holds.
func (rules *RecordRules) counted(p *world.Process, q *world.Pile) {
	if p.Sweep == nil {
		return
	}
	b := world.Backlog{Messages: len(q.Messages), Chains: map[string]bool{}}
	for _, m := range q.Messages {
		if t, err := task.Decode(m.Body); err == nil {
			b.Chains[t.Run+" "+t.Chain()] = true
		}
	}
	p.Sweep.Queues[task.Stage(q.Name)] = b
}

// sentAgain holds a task that a sweep sends against what it may take for lost.
// Verifications are not looked at: those that wait for others say so, and not in
// their queue.
func (rules *RecordRules) sentAgain(p *world.Process, t task.Task) {
	s := p.Sweep
	if s == nil || t.Kind.Stage() == task.Verifying {
		return
	}
	queue := s.Queues[t.Kind.Stage()]
	idle := s.Begun.Sub(s.Newest[t.Run]) + time.Second
	switch {
	case !queue.Chains[t.Run+" "+t.Chain()]:
	case queue.Messages*nearlyNothing <= rules.openSince(s.Begun, t):
	case idle >= silent, idle >= quiet && t.Batch == "":
	case s.Begun.Sub(rules.w.Begun) >= keptFor:
	default:
		rules.w.Log.Fail("%s: a %s task of %q is sent again, though its message is one of %d in the queue, and %s ago something was written down of its run", p.Name, t.Kind, t.Chain(), queue.Messages, idle)
	}
}

// openSince counts the batches of t's run, or the shards where t is of none, that
// are named and had no outcome at that time: no fewer than a sweep may have found.
func (rules *RecordRules) openSince(at time.Time, t task.Task) (n int) {
	for name := range rules.named {
		run, id, _ := strings.Cut(name, " ")
		batch := strings.Contains(id, "-")
		if run != t.Run || batch != (t.Batch != "") {
			continue
		}
		outcome := "closed/" + id
		if batch {
			outcome = "copied/" + id
		}
		if o, there := world.Standing(rules.w.Led, rules.w.Books().Run(run).Path(outcome)); !there || !o.Modified.Before(at.Truncate(time.Second)) {
			n++
		}
	}
	return n
}
