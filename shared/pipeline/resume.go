package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// Resume derives the open tasks of a run from the ledger: each shard and batch
// that a record names and that has no record of its own. A run that is over
// has none. What a lost process may have begun is looked at before it is done again.
func (p *Pipeline) Resume(ctx context.Context, name string) ([]task.Task, error) {
	r, err := p.run(ctx, name)
	if err != nil {
		return nil, err
	}
	if r.start.Events {
		open, _, err := r.openEvents(ctx)
		return resent(open, p.config.Now()), err
	}
	walk, err := r.ledger.Walk(ctx)
	if err != nil || walk.Reported {
		return nil, err
	}
	var open []task.Task
	for _, s := range walk.Shards {
		open = append(open, r.open(s)...)
	}
	mirrored, err := r.openDeletes(ctx, walk)
	if err != nil {
		return nil, err
	}
	open = append(open, mirrored...)
	return resent(append(open, task.Task{Kind: task.Report, Run: name}), p.config.Now()), nil
}

// Lost derives the tasks of a run whose turn it is and that no record answers
// for: they are at work, in a queue, or lost. Those that would only wait for
// others are left out. A run that is over has none, and so has one that a
// single process does: that process knows its own. newest is when the run's
// newest record was written, by the ledger's clock; zero for a run of events.
// Of more open batches than a Glance holds, the first are returned.
func (p *Pipeline) Lost(ctx context.Context, name string) (lost []task.Task, newest time.Time, err error) {
	r, err := p.run(ctx, name)
	if err != nil {
		return nil, newest, err
	}
	if !r.start.Deployed {
		return nil, newest, nil
	}
	if r.start.Events {
		lost, over, err := r.openEvents(ctx)
		if due, _ := Due(name); err == nil && !over && len(lost) == 0 && !p.config.Now().Before(due) {
			lost = []task.Task{{Kind: task.Report, Run: name}}
		}
		return resent(lost, p.config.Now()), newest, err
	}
	walk, err := r.ledger.Glance(ctx)
	if err != nil || walk.Reported {
		return nil, newest, err
	}
	for _, s := range walk.Shards {
		open := r.open(s)
		if n := len(open); s.Left.Batches > 0 {
			open = open[:n-1] // its verification waits for these
		}
		lost = append(lost, open...)
	}
	if len(lost) == 0 {
		if lost, err = r.openDeletes(ctx, walk); err != nil {
			return nil, newest, err
		}
	}
	if len(lost) == 0 {
		lost = append(lost, task.Task{Kind: task.Report, Run: name})
	}
	return resent(lost, p.config.Now()), walk.Newest, nil
}

// resent marks tasks as sent again: what they write may be there already.
func resent(tasks []task.Task, at time.Time) []task.Task {
	for i := range tasks {
		tasks[i].Resend = at.UnixNano()
	}
	return tasks
}

func (r *run) open(s ledger.Shard) []task.Task {
	switch {
	case s.Closed == nil:
		return []task.Task{r.listTask(s.Ref)}
	case s.Done():
		return nil
	}
	var open []task.Task
	for _, b := range s.Open {
		open = append(open, r.copyTask(s.Ref.Shard, b))
	}
	return append(open, r.verifyTask(s.Ref.Shard))
}
