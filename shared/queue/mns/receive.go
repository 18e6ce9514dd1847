package mns

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

const maxPoll = 30 * time.Second // MNS documentation, "Limits"

// Receive waits at MNS, in requests of up to 30 s. When ctx ends it returns at
// once. The request it leaves behind goes on to its own end, since a connection
// cut off could take messages with it: what comes is made visible again after
// 1 s, the least MNS takes. Close waits for such requests. A body that was
// damaged on the way is Corrupt, and its message comes again.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	return q.link.Receive(ctx, most, wait)
}

// ask does one request for messages.
func (q *Queue) ask(ctx context.Context, most int, seconds int64) (_ []queue.Message, more bool, _ error) {
	const op = "mns.Receive"
	ctx, cancel := context.WithTimeout(ctx, maxPoll+remote.AnswerTime) // a queue may have a PollingWaitSeconds of its own
	defer cancel()
	// The SDK answers on channels, one of the two, before it returns.
	got, failed := make(chan sdk.BatchMessageReceiveResponse, 1), make(chan error, 1)
	if seconds == 0 {
		q.call(ctx).BatchReceiveMessage(got, failed, int32(most))
	} else {
		q.call(ctx).BatchReceiveMessage(got, failed, int32(most), seconds)
	}
	select {
	case err := <-failed:
		if r, ok := errors.AsType[*remote.Refusal](err); ok && r.Code == "MessageNotExist" {
			return nil, false, nil
		}
		return nil, false, q.own(op, err)
	case answer := <-got:
		if len(answer.Messages) == 0 { // MNS says MessageNotExist
			return nil, false, q.link.Temporary(op, errors.New("an answer that holds no messages and no error"))
		}
		got, err := q.messages(op, answer.Messages)
		return got, false, err
	}
}

// messages reads what MNS tells of each: an id, a receipt, and a body whose MD5 is
// right. Those that are whole count; if none is, that is the error.
func (q *Queue) messages(op string, told []sdk.MessageReceiveResponse) ([]queue.Message, error) {
	var whole []queue.Message
	for _, m := range told {
		if m.MessageId == "" || m.ReceiptHandle == "" || !remote.SameSum(m.MessageBodyMD5, m.MessageBody) {
			continue
		}
		whole = append(whole, queue.Message{
			ID: m.MessageId, Body: unwrap(m.MessageBody), Receipt: m.ReceiptHandle,
			Deliveries: int(max(m.DequeueCount, 1)), Sent: time.UnixMilli(m.EnqueueTime),
		})
	}
	if len(whole) == 0 && len(told) > 0 {
		return nil, fault.New(fault.Corrupt, op, q.link.Name, q.link.Damaged())
	}
	return whole, nil
}

// Extend takes whole seconds, rounded up, up to 12 hours. MNS takes no 0: a
// message that is to be visible at once is so after 1 s, and until then its
// receipt is good.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	const op = "mns.Extend"
	if d < 0 {
		return m, fault.New(fault.Invalid, op, q.link.Name, fmt.Errorf("a negative time, %s", d))
	}
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	answer, err := q.call(ctx).ChangeMessageVisibility(m.Receipt, max(remote.Seconds(min(d, remote.MaxVisibility)), 1))
	if err != nil {
		return m, q.own(op, err)
	}
	if answer.ReceiptHandle == "" {
		return m, q.link.Temporary(op, errors.New("an answer without a receipt"))
	}
	m.Receipt = answer.ReceiptHandle
	return m, nil
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	return q.own("mns.Delete", q.call(ctx).DeleteMessage(m.Receipt))
}

// Depth tells MNS's estimates, which lag behind by seconds. It asks up to 3
// times. An answer is a Queue with a VisibilityTimeout, which is never 0; anything
// else is not taken for an empty queue. Three zeros are Unknown: MNS announced that it
// will tell no numbers and answer 0 instead (GetQueueAttributes, 2026-01).
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	const op = "mns.Depth"
	a, err := q.attributes(ctx, op)
	if err != nil {
		return queue.Depth{}, err
	}
	d := queue.Depth{Ready: int(a.ActiveMessages), InFlight: int(a.InactiveMessages), Delayed: int(a.DelayMessages)}
	d.Unknown = d == queue.Depth{}
	return d, nil
}

// attributes asks for what the queue tells of itself.
func (q *Queue) attributes(ctx context.Context, op string) (a sdk.QueueAttribute, err error) {
	err = q.link.Ask(ctx, op, func(ctx context.Context) (err error) {
		a, err = sdk.NewMNSQueueManager(q.client(ctx)).GetQueueAttributes(q.link.Name)
		if err == nil && (a.VisibilityTimeout < 1 || a.ActiveMessages < 0 || a.InactiveMessages < 0 || a.DelayMessages < 0) {
			return q.link.Temporary(op, errors.New("an answer that is no queue's attributes"))
		}
		return q.own(op, err)
	})
	return a, err
}
