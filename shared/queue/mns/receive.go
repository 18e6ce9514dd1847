package mns

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

const (
	maxPoll       = 30 * time.Second // MNS documentation, "Limits"
	maxVisibility = 43_200 * time.Second
)

// Receive asks once, waiting at MNS for up to 30 s. If ctx ends while MNS
// answers, messages may be lost to this process until their visibility ends.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	const op = "mns.Receive"
	if most < 1 || most > maxBatch {
		return nil, fault.New(fault.Invalid, op, q.name, fmt.Errorf("%d messages at once: ask for 1 to %d", most, maxBatch))
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
	}
	poll := int64((min(max(wait, 0), maxPoll) + time.Second - 1) / time.Second)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(poll)*time.Second+answerTime)
	defer cancel()
	// The SDK answers on channels, one of the two, before it returns.
	got, failed := make(chan sdk.BatchMessageReceiveResponse, 1), make(chan error, 1)
	if poll == 0 {
		q.call(ctx).BatchReceiveMessage(got, failed, int32(most))
	} else {
		q.call(ctx).BatchReceiveMessage(got, failed, int32(most), poll)
	}
	select {
	case err := <-failed:
		if r, ok := errors.AsType[*refusal](err); ok && r.Code == "MessageNotExist" {
			return nil, nil
		}
		return nil, q.own(op, err)
	case answer := <-got:
		messages := make([]queue.Message, len(answer.Messages))
		for i, m := range answer.Messages {
			messages[i] = queue.Message{
				ID: m.MessageId, Body: []byte(m.MessageBody), Receipt: m.ReceiptHandle,
				Deliveries: int(max(m.DequeueCount, 1)), Sent: time.UnixMilli(m.EnqueueTime),
			}
		}
		return messages, nil
	}
}

// Extend takes whole seconds, rounded up, up to 12 hours. MNS takes no 0: a
// message that is to be visible at once is so after 1 s.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	const op = "mns.Extend"
	if d < 0 {
		return m, fault.New(fault.Invalid, op, q.name, fmt.Errorf("a negative time, %s", d))
	}
	seconds := int64((min(d, maxVisibility) + time.Second - 1) / time.Second)
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := q.call(ctx).ChangeMessageVisibility(m.Receipt, max(seconds, 1))
	if err != nil {
		return m, q.own(op, err)
	}
	m.Receipt = answer.ReceiptHandle
	return m, nil
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return q.own("mns.Delete", q.call(ctx).DeleteMessage(m.Receipt))
}

// Depth tells MNS's estimates, which lag behind by seconds.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	a, err := sdk.NewMNSQueueManager(q.client(ctx)).GetQueueAttributes(q.name)
	if err != nil {
		return queue.Depth{}, q.own("mns.Depth", err)
	}
	return queue.Depth{Ready: int(a.ActiveMessages), InFlight: int(a.InactiveMessages), Delayed: int(a.DelayMessages)}, nil
}
