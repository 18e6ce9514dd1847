package polls

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
)

// How often a request is tried.
const (
	SendTries = 6 // Send is most often the last thing a task does: its work would be done again
	ReadTries = 3
)

// Pauses are those between the tries of one request.
func Pauses() backoff.BackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.MaxInterval = 200*time.Millisecond, 10*time.Second
	return p
}

// Retry calls do, a request about the queue of that name, until it succeeds,
// fails for good, or has been called tries times. Unknown is not tried again
// here: the caller knows what a try costs. If ctx ends in a pause the error is
// Temporary and tells of the last try, too.
func Retry(ctx context.Context, pause backoff.BackOff, op, name string, tries uint, do func() error) error {
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
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	if err != nil && ctx.Err() != nil && !errors.Is(last, context.Cause(ctx)) { // ended in a pause
		return fault.New(fault.Temporary, op, name, fmt.Errorf("%w; the last try: %w", context.Cause(ctx), Cause(last)))
	}
	return last
}

// Cause is an error without what its fault says of operation and queue.
func Cause(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Err
	}
	return err
}
