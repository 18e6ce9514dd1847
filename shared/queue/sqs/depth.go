package sqs

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"kodoferry/shared/queue"
)

// visible is for how long the queue hides a message, once that is known.
type visible struct {
	mu   sync.Mutex
	time time.Duration
}

// Depth tells SQS's estimates, which lag behind by a minute at times. It asks
// up to 3 times. What waits for longer than 15 minutes is among the delayed.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	const (
		ready    = types.QueueAttributeNameApproximateNumberOfMessages
		inFlight = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
		delayed  = types.QueueAttributeNameApproximateNumberOfMessagesDelayed
	)
	a, err := q.attributes(ctx, "sqs.Depth", ready, inFlight, delayed)
	if err != nil {
		return queue.Depth{}, err
	}
	return queue.Depth{Ready: a[string(ready)], InFlight: a[string(inFlight)], Delayed: a[string(delayed)]}, nil
}

// attributes asks for numbers that the queue tells of itself.
func (q *Queue) attributes(ctx context.Context, op string, names ...types.QueueAttributeName) (map[string]int, error) {
	numbers := map[string]int{}
	err := q.link.Ask(ctx, op, func(ctx context.Context) error {
		answer, err := q.sdk.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names})
		if err != nil {
			return q.own(ctx, op, err)
		}
		for _, name := range names {
			n, err := strconv.Atoi(answer.Attributes[string(name)])
			if err != nil {
				return q.link.Temporary(op, fmt.Errorf("an answer that does not tell %s", name))
			}
			numbers[string(name)] = n
		}
		return nil
	})
	return numbers, err
}
