package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

const (
	maxPoll = 20 * time.Second // SQS, ReceiveMessage
	// heldMargin is kept from the 12 hours that a message may be hidden for in
	// all: they begin when SQS hands it out, before it is here.
	heldMargin = 30 * time.Second
)

// Receive waits at SQS, in requests of up to 20 s; one that waits for nothing
// leaves its wait to the queue's ReceiveMessageWaitTimeSeconds. When ctx ends it
// returns at once. The request it leaves behind goes on to its own end, since a
// connection cut off could take messages with it: what comes is made visible
// again. Close waits for such requests. A body that was damaged on the way is
// Corrupt, and its message comes again.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	return q.link.Receive(ctx, most, wait)
}

// ask does one request for messages, and postpones those that came too early. More says that
// all of them did.
func (q *Queue) ask(ctx context.Context, most int, seconds int64) (got []queue.Message, more bool, err error) {
	got, early, err := q.request(ctx, min(most, maxBatch), seconds)
	if e := q.postpone(ctx, early); e != nil && err == nil && len(got) == 0 {
		err = e
	}
	return got, len(early) > 0 && len(got) == 0, err
}

// request does one request for messages, and tells those apart that came too early.
func (q *Queue) request(ctx context.Context, most int, seconds int64) ([]queue.Message, []early, error) {
	const op = "sqs.Receive"
	visibility, err := q.hides(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxPoll+remote.AnswerTime)
	defer cancel()
	answer, err := q.sdk.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(most), WaitTimeSeconds: int32(seconds),
		VisibilityTimeout: int32(visibility / time.Second), MessageAttributeNames: []string{NotBefore},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, nil, q.own(ctx, op, err)
	}
	return q.messages(op, answer.Messages, visibility)
}

// hides asks, the first time, for how long the queue hides a received message.
// Every receive asks for that time then, so that the book of receipts is right
// even if the queue's own is changed meanwhile.
func (q *Queue) hides(ctx context.Context) (time.Duration, error) {
	q.visible.mu.Lock()
	defer q.visible.mu.Unlock()
	if q.visible.time > 0 {
		return q.visible.time, nil
	}
	told, err := q.attributes(ctx, "sqs.Receive", types.QueueAttributeNameVisibilityTimeout)
	if err != nil {
		return 0, err
	}
	q.visible.time = time.Duration(told[string(types.QueueAttributeNameVisibilityTimeout)]) * time.Second
	if q.visible.time <= 0 {
		return 0, fault.New(fault.Invalid, "sqs.Receive", q.link.Name, errors.New("the queue hides received messages for no time, so that each is delivered again at once: set its VisibilityTimeout, best to 1800"))
	}
	return q.visible.time, nil
}

// messages reads what SQS tells of each: an id, a receipt, and a body whose MD5 is
// right. Those that are whole count; if none
// is, that is the error.
func (q *Queue) messages(op string, told []types.Message, visibility time.Duration) ([]queue.Message, []early, error) {
	now := q.now()
	var whole []queue.Message
	var soon []early
	for _, m := range told {
		text := aws.ToString(m.Body)
		if aws.ToString(m.MessageId) == "" || aws.ToString(m.ReceiptHandle) == "" || !remote.SameSum(aws.ToString(m.MD5OfBody), text) {
			continue
		}
		count, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
		sent, _ := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
		one := queue.Message{
			ID: aws.ToString(m.MessageId), Body: unwrap(text), Receipt: q.held.enter(aws.ToString(m.ReceiptHandle), now, visibility),
			Deliveries: max(count, 1), Sent: time.UnixMilli(sent),
		}
		if at := due(m); at.After(now) {
			soon = append(soon, early{one, at})
			continue
		}
		whole = append(whole, one)
	}
	if len(whole)+len(soon) == 0 && len(told) > 0 {
		return nil, nil, fault.New(fault.Corrupt, op, q.link.Name, q.link.Damaged())
	}
	return whole, soon, nil
}

// Extend takes whole seconds, rounded up. SQS hides a message for up to 12
// hours from when it was received, whatever it is asked for: d is cut to what
// is left of them.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	const op = "sqs.Extend"
	if d < 0 {
		return m, fault.New(fault.Invalid, op, q.link.Name, fmt.Errorf("a negative time, %s", d))
	}
	if ctx.Err() != nil {
		return m, q.link.Temporary(op, context.Cause(ctx))
	}
	handle, h, err := q.holding(op, m)
	if err != nil {
		return m, err
	}
	seconds := remote.Seconds(min(d, max(remote.MaxVisibility-heldMargin-q.now().Sub(h.received), 0)))
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	_, err = q.sdk.ChangeMessageVisibility(ctx, &sdk.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &handle, VisibilityTimeout: int32(seconds)})
	if err = q.own(ctx, op, err); err != nil {
		return m, gone(err)
	}
	m.Receipt = q.held.extend(handle, h, q.now().Add(time.Duration(seconds)*time.Second))
	return m, nil
}

// gone is err with the kind that it has here: SQS tells of a message that is
// deleted as of a parameter that is wrong, and none of ours can be but the receipt.
func gone(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		return fault.New(fault.NotFound, e.Op, e.Key, e.Err)
	}
	return err
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, m queue.Message) error {
	const op = "sqs.Delete"
	if ctx.Err() != nil {
		return q.link.Temporary(op, context.Cause(ctx))
	}
	handle, _, err := q.holding(op, m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTime)
	defer cancel()
	_, err = q.sdk.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &handle})
	if err = q.own(ctx, op, err); err != nil {
		return gone(err)
	}
	q.held.strike(handle)
	return nil
}
