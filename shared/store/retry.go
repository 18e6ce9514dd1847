package store

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
)

const (
	// Tries is how often Retry calls before it gives up.
	Tries = 6
	// MaxThrottles is how many Throttled errors Retry takes before it gives up: minutes
	// of them, since the waits grow.
	MaxThrottles = 40
)

// policy is that of requests that change nothing.
var policy = retry.Policy{
	Tries: Tries, Throttles: MaxThrottles,
	First: 200 * time.Millisecond, Most: 10 * time.Second, Growth: 2, Jitter: 0.5,
	MaxWait: time.Minute, // a throttle that asks for more is left to the caller, who may wait elsewhere
}

// Pauses returns the waits between the tries of one request: from 200 ms,
// growing to 10 s, with jitter.
func Pauses() backoff.BackOff { return policy.Pauses() }

// Retry calls f until it succeeds, fails with another kind than Temporary and
// Throttled, was tried Tries times, or ctx ends. It waits by pauses, or as long
// as a throttle asks where that is not over a minute. It is for requests that
// change nothing. Throttled calls are counted apart, up to MaxThrottles. Op and key are those of the error where ctx ends.
func Retry[T any](ctx context.Context, pauses backoff.BackOff, op, key string, f func() (T, error)) (T, error) {
	p := policy
	p.Between = pauses
	v, err := retry.Do(ctx, p, f)
	last := retry.Last(err)
	if err != nil && ctx.Err() != nil && !errors.Is(last, context.Cause(ctx)) {
		return v, fault.New(fault.Temporary, op, key, fault.Errorf("%w (the last try: %w)", context.Cause(ctx), last))
	}
	return v, last
}
