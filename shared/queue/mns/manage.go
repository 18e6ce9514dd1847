package mns

import (
	"context"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue/remote"
)

// Hosts returns the address, scheme://host, that requests go to.
func (q *Queue) Hosts(context.Context) ([]string, error) { return []string{q.link.Base}, nil }

// Ways returns the addresses of the queue's region, one of which requests go to; none
// where the endpoint is a host of its own.
func (q *Queue) Ways() []Way { return q.ways }

// Visibility returns for how long the queue hides a received message.
func (q *Queue) Visibility(ctx context.Context) (time.Duration, error) {
	a, err := q.attributes(ctx, "mns.Visibility")
	return time.Duration(a.VisibilityTimeout) * time.Second, err
}

// Create makes the queue, which hides a received message for visibility, in
// whole seconds from 1. It needs mns:CreateQueue.
func (q *Queue) Create(ctx context.Context, visibility time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	const maxBody, retention = 64 << 10, 3600 // bytes, seconds
	err := sdk.NewMNSQueueManager(q.client(ctx)).CreateQueue(q.link.Name, 0, maxBody, retention, int32(remote.Seconds(visibility)), 0, 0)
	return q.own("mns.Create", err)
}

// Drop removes the queue with all that is in it. One that is not there is no
// error. It needs mns:DeleteQueue.
func (q *Queue) Drop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	err := q.own("mns.Drop", sdk.NewMNSQueueManager(q.client(ctx)).DeleteQueue(q.link.Name))
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}
