package follow

import (
	"context"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/task"
)

// Event returns the task of an event of key that is notified of now, and makes sure that
// the run it goes to exists. A job that was changed since the day's run began has another
// one: each is done as its own run's job says.
func Event(ctx context.Context, days *events.Days, j job.Job, key string) (task.Task, error) {
	now := days.Now()
	until := j.Events.Bucket(now)
	run, err := days.Run(ctx, j, until)
	if err != nil {
		return task.Task{}, err
	}
	shard, batch := eventnames.Batch(key, until)
	return task.Task{
		Kind: task.Event, Run: run, Shard: shard, Batch: batch, Key: key, Until: until.Unix(),
		Delay: until.Add(events.Grace).Sub(now),
	}, nil
}
