package mns

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/polls"
)

const (
	maxPoll       = 30 * time.Second // MNS documentation, "Limits"
	maxVisibility = 43_200 * time.Second
)

// Receive waits at MNS, in requests of up to 30 s. When ctx ends it returns at
// once. The request it leaves behind goes on to its own end, since a connection
// cut off could take messages with it: what comes is made visible again after
// 1 s, the least MNS takes. Close waits for such requests. A body that was
// damaged on the way is Corrupt, and its message comes again.
func (q *Queue) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	const op = "mns.Receive"
	if most < 1 || most > maxBatch {
		return nil, fault.New(fault.Invalid, op, q.name, fmt.Errorf("%d messages at once: ask for 1 to %d", most, maxBatch))
	}
	for wait = max(wait, 0); ; wait -= maxPoll {
		if ctx.Err() != nil {
			return nil, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
		}
		seconds, short := pollFor(ctx, min(wait, maxPoll))
		got, err := q.poll(ctx, most, seconds)
		switch {
		case err != nil || len(got) > 0:
			return got, err
		case short:
			<-ctx.Done()
			return nil, fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
		case wait <= maxPoll:
			return nil, nil
		}
	}
}

// pollFor is how many seconds MNS is to wait: those of wait, rounded up, or, in
// short, the whole ones that ctx has left, so that no request is left behind.
func pollFor(ctx context.Context, wait time.Duration) (seconds int64, short bool) {
	end, ok := ctx.Deadline()
	if left := time.Until(end); ok && left < wait {
		return int64(max(left, 0) / time.Second), true
	}
	return roundUp(wait), false
}

// poll asks once, and leaves the answer to itself when ctx ends before.
func (q *Queue) poll(ctx context.Context, most int, seconds int64) ([]queue.Message, error) {
	type answer struct {
		messages []queue.Message
		err      error
	}
	answers := make(chan answer) // without a buffer: what is sent has arrived
	own, done := q.polls.Begin(ctx)
	go func() {
		defer done()
		messages, err := q.ask(own, most, seconds)
		select {
		case answers <- answer{messages, err}:
		case <-ctx.Done():
			q.giveBack(own, messages)
		}
	}()
	select {
	case a := <-answers:
		return a.messages, a.err
	case <-ctx.Done():
		return nil, fault.New(fault.Temporary, "mns.Receive", q.name, context.Cause(ctx))
	}
}

// ask does one request for messages.
func (q *Queue) ask(ctx context.Context, most int, seconds int64) ([]queue.Message, error) {
	const op = "mns.Receive"
	ctx, cancel := context.WithTimeout(ctx, maxPoll+answerTime) // a queue may have a PollingWaitSeconds of its own
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
		if r, ok := errors.AsType[*refusal](err); ok && r.Code == "MessageNotExist" {
			return nil, nil
		}
		return nil, q.own(op, err)
	case answer := <-got:
		if len(answer.Messages) == 0 { // MNS says MessageNotExist
			return nil, fault.New(fault.Temporary, op, q.name, errors.New("an answer that holds no messages and no error"))
		}
		return q.messages(op, answer.Messages)
	}
}

// messages reads what MNS tells of each: an id, a receipt, and a body whose MD5 is
// right. Those that are whole count; if none is, that is the error.
func (q *Queue) messages(op string, told []sdk.MessageReceiveResponse) ([]queue.Message, error) {
	var whole []queue.Message
	for _, m := range told {
		if m.MessageId == "" || m.ReceiptHandle == "" || !sameSum(m.MessageBodyMD5, m.MessageBody) {
			continue
		}
		whole = append(whole, queue.Message{
			ID: m.MessageId, Body: unwrap(m.MessageBody), Receipt: m.ReceiptHandle,
			Deliveries: int(max(m.DequeueCount, 1)), Sent: time.UnixMilli(m.EnqueueTime),
		})
	}
	if len(whole) == 0 && len(told) > 0 {
		return nil, fault.New(fault.Corrupt, op, q.name, errDamaged)
	}
	return whole, nil
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

// Extend takes whole seconds, rounded up, up to 12 hours. MNS takes no 0: a
// message that is to be visible at once is so after 1 s, and until then its
// receipt is good.
func (q *Queue) Extend(ctx context.Context, m queue.Message, d time.Duration) (queue.Message, error) {
	const op = "mns.Extend"
	if d < 0 {
		return m, fault.New(fault.Invalid, op, q.name, fmt.Errorf("a negative time, %s", d))
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := q.call(ctx).ChangeMessageVisibility(m.Receipt, max(roundUp(min(d, maxVisibility)), 1))
	if err != nil {
		return m, q.own(op, err)
	}
	if answer.ReceiptHandle == "" {
		return m, fault.New(fault.Temporary, op, q.name, errors.New("an answer without a receipt"))
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
	err = polls.Retry(ctx, q.pause(), op, q.name, polls.ReadTries, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		a, err = sdk.NewMNSQueueManager(q.client(ctx)).GetQueueAttributes(q.name)
		if err == nil && (a.VisibilityTimeout < 1 || a.ActiveMessages < 0 || a.InactiveMessages < 0 || a.DelayMessages < 0) {
			return fault.New(fault.Temporary, op, q.name, errors.New("an answer that is no queue's attributes"))
		}
		return q.own(op, err)
	})
	return a, err
}

// roundUp is d in the whole seconds that MNS counts in.
func roundUp(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
