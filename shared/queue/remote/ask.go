package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
)

// How often a request is tried.
const (
	sendTries = 6 // Send is most often the last thing a task does: its work would be done again
	readTries = 3
)

// Requests is how requests are tried. A throttle counts as a try. Unknown is not tried again
// here: the caller knows what a try costs.
var Requests = retry.Policy{
	First: 200 * time.Millisecond, Most: 10 * time.Second, Growth: 1.5, Jitter: 0.5,
	Wait: func(asked time.Duration, pause func() time.Duration) time.Duration {
		if asked > 0 { // spread, so that those who were throttled together do not come back together
			return asked/2 + rand.N(asked)
		}
		return pause()
	},
}

// Ask does a request that changes nothing, up to 3 times, each within AnswerTime.
func (l *Link) Ask(ctx context.Context, op string, do func(context.Context) error) error {
	return l.retry(ctx, op, readTries, func() error {
		ctx, cancel := context.WithTimeout(ctx, AnswerTime)
		defer cancel()
		return do(ctx)
	})
}

// retry calls do until it succeeds, fails for good, or has been called tries times. If ctx
// ends in a pause the error is Temporary and tells of the last try, too.
func (l *Link) retry(ctx context.Context, op string, tries int, do func() error) error {
	p := l.Policy
	p.Tries = tries
	_, err := retry.Do(ctx, p, func() (struct{}, error) { return struct{}{}, do() })
	last := retry.Last(err)
	if err != nil && ctx.Err() != nil && !errors.Is(last, context.Cause(ctx)) { // ended in a pause
		return fault.New(fault.Temporary, op, l.Name, fmt.Errorf("%w; the last try: %w", context.Cause(ctx), cause(last)))
	}
	return last
}

// cause is an error without what its fault says of operation and queue.
func cause(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Err
	}
	return err
}
