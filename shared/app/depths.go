package app

import (
	"context"
	"sync"

	"kodoferry/shared/job"
	"kodoferry/shared/queue"
)

// QueueDepth is what one queue of a deployment holds.
type QueueDepth struct {
	Name  string      `json:"queue"` // as QueueNames has it: list, copy, …
	Depth queue.Depth `json:"depth"`
	Err   error       `json:"-"` // why it is not known
}

// QueueDepths asks all queues at QueuesAt, at once, how much they hold, in the order of
// QueueNames. The error is Invalid where QueuesAt names no queues.
func (c Config) QueueDepths(ctx context.Context) ([]QueueDepth, error) {
	at, err := location("FERRY_QUEUES", c.QueuesAt, job.MNS, job.SQS)
	if err != nil {
		return nil, err
	}
	if err := c.Missing(at); err != nil {
		return nil, err
	}
	all := make([]QueueDepth, len(QueueNames))
	var asked sync.WaitGroup
	for i, name := range QueueNames {
		all[i].Name = name
		asked.Go(func() {
			q, err := openQueue(c, at, name, nil)
			if err == nil {
				defer q.CloseIdle()
				all[i].Depth, err = q.Depth(ctx)
			}
			all[i].Err = err
		})
	}
	asked.Wait()
	return all, nil
}
