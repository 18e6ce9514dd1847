package app

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
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
