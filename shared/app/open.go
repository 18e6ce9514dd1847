package app

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/store"
)

// Source opens a place to read. It makes no request.
func (c Config) Source(l job.Location) (store.Source, error) {
	return c.openSource(l)
}

// Target opens a place to write. It makes no request.
func (c Config) Target(l job.Location) (pipeline.Target, error) {
	if err := c.Missing(l); err != nil {
		return nil, err
	}
	return c.openOSS(l)
}

// ScratchQueue is a queue that can be made and removed.
type ScratchQueue interface {
	queue.Queue
	Create(ctx context.Context, visibility time.Duration) error
	Drop(ctx context.Context) error
}

// ScratchQueue opens a queue beside those of FERRY_QUEUES, of a name that none of
// them has. It makes no request.
func (c Config) ScratchQueue(name string) (ScratchQueue, error) {
	l, err := c.location("FERRY_QUEUES", c.QueuesAt, job.MNS, job.SQS)
	if err != nil {
		return nil, err
	}
	q, err := c.openQueue(l, "contract-"+name, nil)
	if err != nil {
		return nil, err
	}
	scratch, ok := q.(ScratchQueue)
	if !ok {
		return nil, fault.New(fault.Invalid, "app.ScratchQueue", q.Name(), errors.New("queues for the contract are made at MNS only: point FERRY_QUEUES there, or leave it out"))
	}
	return scratch, nil
}

// QueueWays says which addresses of the queues' service answer here, and whether
// an internal one is among them, so that this is inside its region. asked is false where the
// endpoint is a host of its own: there is one address then.
func (c Config) QueueWays(ctx context.Context) (says string, inside, asked bool) {
	l, err := c.location("FERRY_QUEUES", c.QueuesAt, job.MNS)
	if err != nil {
		return "", false, false
	}
	q, err := c.openQueue(l, QueueNames[0], nil)
	m, ok := q.(*mns.Queue)
	if err != nil || !ok || len(m.Ways()) == 0 {
		return "", false, false
	}
	answers, says := answering(ctx, m.Ways())
	return says, answers[1] || answers[2], true
}
