package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// follower does tasks and counts those under way, which only a process that
// does all of them can know. So a task that waits for others need not read the ledger
// again and again: it is made ready when the last of them is done. The verification of a shard
// is sent when nothing of the shard is left to be copied.
type follower struct {
	worker.Doer
	keeps    bool        // verifications: no other process does tasks of the run
	hurry    func()      // makes waiting tasks ready
	reported func()      // the run is over
	stopped  func() bool // the run is paused or cancelled: tasks end early, or are dropped
	halted   func()      // it is, and no task is at work any more

	mu     sync.Mutex
	open   map[task.Kind]int
	copies map[string]int       // by shard, tasks that copy something of it
	kept   map[string]task.Task // by shard, its verification
	busy   int                  // tasks at work
	ends   bool                 // the run was stopped once: some tasks were dropped, and are derived from the ledger by who goes on with it
}

// readyDelay is the delay of a task whose reason to wait has just gone.
const readyDelay = 20 * time.Millisecond

func (p *follower) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	if !p.enter() {
		return nil, nil
	}
	next, err := p.Doer.Do(ctx, t)
	if ends, last := p.leave(p.stopped()); ends {
		if last {
			p.halted()
		}
		return next, err
	}
	if err == nil {
		next = p.follow(&t, next)
	}
	return next, err
}

// enter reports whether a task is to be done.
func (p *follower) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ends {
		p.busy++
	}
	return !p.ends
}

// leave takes in that a task is done, and whether the run is stopped. ends reports whether the
// process ends, and last whether no task is at work any more.
func (p *follower) leave(stopped bool) (ends, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	p.ends = p.ends || stopped
	return p.ends, p.busy == 0
}

func (p *follower) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	next, err := p.Doer.GiveUp(ctx, t, cause)
	if err == nil {
		next = p.follow(&t, next)
	}
	return next, err
}

// copying are the kinds of tasks that a shard's verification waits for, once it is listed.
var copying = []task.Kind{task.Copy, task.Begin, task.Part, task.Finish, task.Remove}

// follow takes in that done, nil at the start, was done and yielded next. It returns what of
// that is to be sent now, and with it the verification that waited for done alone.
func (p *follower) follow(done *task.Task, next []task.Task) []task.Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open, p.copies, p.kept = map[task.Kind]int{}, map[string]int{}, map[string]task.Task{}
	}
	for _, n := range next {
		p.open[n.Kind]++
		if slices.Contains(copying, n.Kind) {
			p.copies[n.Shard]++
		}
	}
	next = p.keep(next)
	if done == nil {
		return next
	}
	p.open[done.Kind]--
	if slices.Contains(copying, done.Kind) {
		if p.copies[done.Shard]--; p.copies[done.Shard] <= 0 {
			delete(p.copies, done.Shard)
			if verify, kept := p.kept[done.Shard]; kept {
				delete(p.kept, done.Shard)
				next = append(next, verify)
			}
		}
	}
	if done.Kind == task.Report && len(next) == 0 {
		p.reported()
		return next
	}
	// Whether everything that goes before is done.
	copied := p.count(task.List)+p.count(copying...) == 0
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
	return next
}

// keep takes the verifications out of next that wait for copies.
func (p *follower) keep(next []task.Task) []task.Task {
	if !p.keeps {
		return next
	}
	return slices.DeleteFunc(next, func(n task.Task) bool {
		if n.Kind != task.Verify || p.copies[n.Shard] == 0 {
			return false
		}
		if _, twin := p.kept[n.Shard]; twin {
			p.open[task.Verify]--
		}
		p.kept[n.Shard] = n
		return true
	})
}

func (p *follower) count(kinds ...task.Kind) (n int) {
	for _, k := range kinds {
		n += p.open[k]
	}
	return n
}
