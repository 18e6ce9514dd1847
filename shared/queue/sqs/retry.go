package sqs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
)

const (
	sendTries = 6 // Send is most often the last thing a task does: its work would be done again
	readTries = 3
)

func pauses() backoff.BackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.MaxInterval = 200*time.Millisecond, 10*time.Second
	return p
}

// retry calls do until it succeeds, fails for good, or has been called tries
// times. Unknown is not tried again here: the caller knows what a try costs.
func (q *Queue) retry(ctx context.Context, op string, tries uint, do func() error) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = do()
		kind, wait := fault.KindOf(last), fault.WaitOf(last)
		switch {
		case last == nil:
			return struct{}{}, nil
		case ctx.Err() != nil, kind != fault.Temporary && kind != fault.Throttled:
			return struct{}{}, backoff.Permanent(last)
		case wait > 0: // spread, so that those who were throttled together do not come back together
			return struct{}{}, &backoff.RetryAfterError{Duration: wait/2 + rand.N(wait)}
		}
		return struct{}{}, last
	}, backoff.WithBackOff(q.pause()), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	if err != nil && ctx.Err() != nil && !errors.Is(last, context.Cause(ctx)) { // ended in a pause
		return fault.New(fault.Temporary, op, q.name, fmt.Errorf("%w; the last try: %w", context.Cause(ctx), cause(last)))
	}
	return last
}
