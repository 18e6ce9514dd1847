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
)

const (
	maxReceive    = 16               // that may be asked for; SQS returns up to 10
	maxPoll       = 20 * time.Second // SQS, ReceiveMessage
	maxVisibility = 43_200 * time.Second
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
	const op = "sqs.Receive"
	if most < 1 || most > maxReceive {
		return nil, fault.New(fault.Invalid, op, q.name, fmt.Errorf("%d messages at once: ask for 1 to %d", most, maxReceive))
	}
	for wait = max(wait, 0); ; {
		if ctx.Err() != nil {
			return nil, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
		}
		begun := q.now()
		seconds, short := pollFor(ctx, min(wait, maxPoll))
		got, postponed, err := q.poll(ctx, min(most, maxBatch), seconds)
		switch {
		case err != nil || len(got) > 0:
			return got, err
		case postponed: // there was something, so there may be more
			wait = max(wait-q.now().Sub(begun), 0)
		case short:
			<-ctx.Done()
			return nil, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
		case wait <= maxPoll:
			return nil, nil
		default:
			wait -= maxPoll
		}
	}
}

// pollFor is how many seconds SQS is to wait: those of wait, rounded up, or, in
// short, the whole ones that ctx has left, so that no request is left behind.
func pollFor(ctx context.Context, wait time.Duration) (seconds int64, short bool) {
	end, ok := ctx.Deadline()
	if left := time.Until(end); ok && left < wait {
		return int64(max(left, 0) / time.Second), true
	}
	return roundUp(wait), false
}

// poll asks once, and leaves the answer to itself when ctx ends before.
// postponed says that messages came, all of them too early.
func (q *Queue) poll(ctx context.Context, most int, seconds int64) (got []queue.Message, postponed bool, err error) {
	type answer struct {
		messages []queue.Message
		early    []early
		err      error
	}
	answers := make(chan answer) // without a buffer: what is sent has arrived
	own, done := q.polls.Begin(ctx)
	go func() {
		defer done()
		var a answer
		a.messages, a.early, a.err = q.ask(own, most, seconds)
		if err := q.postpone(own, a.early); err != nil && a.err == nil && len(a.messages) == 0 {
			a.err = err
		}
		select {
		case answers <- a:
		case <-ctx.Done():
			q.giveBack(own, a.messages)
		}
	}()
	select {
	case a := <-answers:
		return a.messages, len(a.early) > 0 && len(a.messages) == 0, a.err
	case <-ctx.Done():
		return nil, false, fault.New(fault.Temporary, "sqs.Receive", q.name, context.Cause(ctx))
	}
}

// ask does one request for messages.
func (q *Queue) ask(ctx context.Context, most int, seconds int64) ([]queue.Message, []early, error) {
	const op = "sqs.Receive"
	visibility, err := q.hides(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxPoll+answerTime)
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
		return 0, fault.New(fault.Invalid, "sqs.Receive", q.name, errors.New("the queue hides received messages for no time, so that each is delivered again at once: set its VisibilityTimeout, best to 1800"))
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
		if aws.ToString(m.MessageId) == "" || aws.ToString(m.ReceiptHandle) == "" || !sameSum(m.MD5OfBody, text) {
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
		return nil, nil, fault.New(fault.Corrupt, op, q.name, errDamaged)
	}
	return whole, soon, nil
}

// giveBack makes messages visible that nobody waits for any more. One that
// cannot be given back comes again when its visibility ends.
func (q *Queue) giveBack(ctx context.Context, messages []queue.Message) {
	for _, m := range messages {
		if _, err := q.Extend(ctx, m, 0); err != nil && ctx.Err() != nil {
			return
		}
	}
}

// Extend takes whole seconds, rounded up. SQS hides a message for up to 12
// hours from when it was received, whatever it is asked for: d is cut to what
// is left of them.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	const op = "sqs.Extend"
	if d < 0 {
		return m, fault.New(fault.Invalid, op, q.name, fmt.Errorf("a negative time, %s", d))
	}
	if ctx.Err() != nil {
		return m, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
	}
	handle, h, err := q.holding(op, m)
	if err != nil {
		return m, err
	}
	seconds := roundUp(min(d, max(maxVisibility-heldMargin-q.now().Sub(h.received), 0)))
	ctx, cancel := context.WithTimeout(ctx, answerTime)
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
		return fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
	}
	handle, _, err := q.holding(op, m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err = q.sdk.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &handle})
	if err = q.own(ctx, op, err); err != nil {
		return gone(err)
	}
	q.held.strike(handle)
	return nil
}
