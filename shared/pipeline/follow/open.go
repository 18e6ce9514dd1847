package follow

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/task"
)

// Open derives the open tasks of a run from the ledger: each shard and batch
// that a record names and that has no record of its own. A run that is over
// has none. What a lost process may have begun is looked at before it is done again.
func (r *Run) Open(ctx context.Context) ([]task.Task, error) {
	if r.Verifies {
		w, err := progress.WalkReproof(ctx, r.Ledger)
		return r.Tasks.Resent(append(r.Tasks.Reprove(w.Open), r.Tasks.Once(task.Report))), err
	}
	if r.Tasks.Events {
		open, _, err := r.openEvents(ctx)
		return r.Tasks.Resent(open), err
	}
	walk, err := progress.Walk(ctx, r.Ledger)
	if err != nil || walk.Reported {
		return nil, err
	}
	var open []task.Task
	for _, s := range walk.Shards {
		open = append(open, r.Tasks.Open(s)...)
	}
	mirrored, err := r.openDeletes(ctx, walk)
	if err != nil {
		return nil, err
	}
	open = append(open, mirrored...)
	return r.Tasks.Resent(append(open, r.Tasks.Once(task.Report))), nil
}

// Lost derives the tasks of a run whose turn it is and that no record answers
// for: they are at work, in a queue, or lost. Those that would only wait for
// others are left out. A run that is over has none, and so has one that a
// single process does: that process knows its own. newest is when the run's
// newest record was written, by the ledger's clock; zero for a run of events.
// Of more open batches than a Glance holds, the first are returned.
func (r *Run) Lost(ctx context.Context) (lost []task.Task, newest time.Time, err error) {
	if !r.Tasks.Deployed {
		return nil, newest, nil
	}
	if r.Verifies {
		w, err := progress.WalkReproof(ctx, r.Ledger)
		if lost = r.Tasks.Reprove(w.Open); len(lost) == 0 {
			lost = []task.Task{r.Tasks.Once(task.Report)}
		}
		return r.Tasks.Resent(lost), w.Newest, err
	}
	if r.Tasks.Events {
		lost, over, err := r.openEvents(ctx)
		if err == nil && !over && len(lost) == 0 && r.due() {
			lost = []task.Task{r.Tasks.Once(task.Report)}
		}
		return r.Tasks.Resent(lost), newest, err
	}
	walk, err := progress.Glance(ctx, r.Ledger)
	if err != nil || walk.Reported {
		return nil, newest, err
	}
	for _, s := range walk.Shards {
		open := r.Tasks.Open(s)
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
		lost = append(lost, r.Tasks.Once(task.Report))
	}
	return r.Tasks.Resent(lost), walk.Newest, nil
}

// openDeletes returns the open tasks of the deletions of a run, none where the job does
// not mirror them.
func (r *Run) openDeletes(ctx context.Context, p progress.Run) ([]task.Task, error) {
	if !r.Deletes {
		return nil, nil
	}
	decision, err := mirror.ReadDeleteDecision(ctx, r.Ledger)
	if ledger.Missing(err) {
		return []task.Task{r.Tasks.Once(task.Decide)}, nil
	}
	return r.Tasks.Deletes(p, decision), err
}

// due reports whether a day's run is to be reported.
func (r *Run) due() bool {
	due, _ := events.Due(r.Ledger.Name)
	return !r.Tasks.Now().Before(due)
}

// DayEnded reports whether a day's run is to be reported now: its day is closed, nothing of
// it is open, and it is not over.
func (r *Run) DayEnded(ctx context.Context) (bool, error) {
	if !r.due() {
		return false, nil
	}
	open, over, err := r.openEvents(ctx)
	return !over && len(open) == 0, err
}

// openEvents are the tasks of a day's events that were handed on and have not
// ended, none where the day's run is over. An event without a record is not
// among them: the ledger does not know it.
func (r *Run) openEvents(ctx context.Context) (open []task.Task, over bool, err error) {
	if over, err = r.Ledger.Over(ctx); err != nil || over {
		return nil, over, err
	}
	batches, err := progress.OpenEvents(ctx, r.Ledger)
	for _, b := range batches {
		open = append(open, r.Tasks.Copy(eventnames.Shard(b.ID), b))
	}
	return open, false, err
}
