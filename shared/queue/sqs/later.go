package sqs

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote"
)

// NotBefore is the message attribute that says when a message is due which has
// to wait for longer than the 15 minutes that SQS delays one: milliseconds
// since 1970, a Number. SQS delivers it when the 15 minutes are over, and who
// gets it then sends it again with what is left of its delay and lets go of the
// first: Receive here, and a function that Lambda hands it to.
//
// The other way would be to hide it by its receipt, for up to 12 hours. But
// each time it is received counts, and ten of them make a dead letter, which a
// week of waiting would need more of; Lambda would have to be told that the
// message failed; and a function would need rights to its queue that it
// otherwise does not. A message that is sent anew begins anew, and one that is
// sent before the first is let go of is never lost. It costs three requests
// for each 15 minutes of waiting. What waits for hours are a few tasks whose
// objects thaw.
const NotBefore = "NotBefore"

// delay makes entry wait for d from now.
func (q *Queue) delay(entry *types.SendMessageBatchRequestEntry, d time.Duration) {
	entry.DelaySeconds = int32(remote.Seconds(min(d, maxDelay)))
	if d > maxDelay {
		at := strconv.FormatInt(q.now().Add(d).UnixMilli(), 10)
		entry.MessageAttributes = map[string]types.MessageAttributeValue{NotBefore: {DataType: aws.String("Number"), StringValue: &at}}
	}
}

// due is when m may be delivered; zero if that is at once. An attribute that
// cannot be read says nothing: better early than never.
func due(m types.Message) time.Time {
	a, ok := m.MessageAttributes[NotBefore]
	if !ok {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(aws.ToString(a.StringValue), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// postpone sends again what came too early, then lets go of what came. What
// cannot be sent stays, and comes again when its visibility ends.
func (q *Queue) postpone(ctx context.Context, early []early) error {
	if len(early) == 0 {
		return nil
	}
	out := make([]queue.Outgoing, len(early))
	for i, m := range early {
		out[i] = queue.Outgoing{Body: m.Body, Delay: m.due.Sub(q.now())}
	}
	if err := q.Send(ctx, out...); err != nil {
		return err
	}
	for _, m := range early {
		if err := q.Delete(ctx, m.Message); err != nil {
			return err // it comes again, once more too early or as the second of its kind
		}
	}
	return nil
}

// early is a message that came before it was due.
type early struct {
	queue.Message
	due time.Time
}
