package pipeline

import (
	"context"

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
	walk, err := r.Walk(ctx)
	if err != nil || walk.Reported {
		return nil, err
	}
	var open []task.Task
	for _, s := range walk.Shards {
		open = append(open, r.open(s)...)
	}
	open = append(open, task.Task{Kind: task.Report, Run: name})
	resend := p.Now().UnixNano()
	for i := range open {
		open[i].Resend = resend
	}
	return open, nil
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
