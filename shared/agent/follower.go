package agent

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// follower does tasks and counts those under way, which only a process that
// does all of them can know. So a task that waits for others need not read the ledger
// again and again: it is made ready when the last of them is done.
type follower struct {
	worker.Doer
	hurry    func()      // makes waiting tasks ready
	reported func()      // the run is over
	stopped  func() bool // the run is paused or cancelled: tasks end early, or are dropped
	halted   func()      // it is, and no task is at work any more

	mu   sync.Mutex
	open map[task.Kind]int
	busy int // tasks at work
}

// readyDelay is the delay of a task whose reason to wait has just gone.
const readyDelay = 20 * time.Millisecond

func (p *follower) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	p.work(1)
	next, err := p.Doer.Do(ctx, t)
	if busy := p.work(-1); p.stopped() {
		if busy == 0 {
			p.halted()
		}
		return next, err
	}
	if err == nil {
		p.follow(&t, next)
	}
	return next, err
}

func (p *follower) work(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy += n
	return p.busy
}

func (p *follower) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	next, err := p.Doer.GiveUp(ctx, t, cause)
	if err == nil {
		p.follow(&t, next)
	}
	return next, err
}

// follow takes in that done, nil at the start, was done and yielded next.
func (p *follower) follow(done *task.Task, next []task.Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[task.Kind]int{}
	}
	for _, n := range next {
		p.open[n.Kind]++
	}
	if done == nil {
		return
	}
	p.open[done.Kind]--
	if done.Kind == task.Report && len(next) == 0 {
		p.reported()
		return
	}
	// Whether everything that goes before is done.
	copied := p.count(task.List, task.Copy, task.Begin, task.Part, task.Finish, task.Remove) == 0
	verified := copied && p.count(task.Verify, task.Reprove) == 0
	deleted := verified && p.count(task.Decide, task.Delete) == 0
	ready := map[task.Kind]bool{task.Verify: copied, task.Decide: verified, task.Report: deleted}
	for i := range next {
		if n := &next[i]; n.Waits > 0 && ready[n.Kind] && n.Since == 0 {
			n.Delay = min(n.Delay, readyDelay)
		}
	}
	last := copied
	switch done.Kind {
	case task.Verify, task.Reprove:
		last = verified
	case task.Decide, task.Delete:
		last = deleted
	case task.Report:
		last = false
	}
	if last {
		p.hurry()
	}
}

func (p *follower) count(kinds ...task.Kind) (n int) {
	for _, k := range kinds {
		n += p.open[k]
	}
	return n
}
