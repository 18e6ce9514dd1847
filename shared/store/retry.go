package store

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
)

const (
	// Tries is how often Retry calls before it gives up.
	Tries = 6
	// Patience is how often it is told to slow down before it does: for minutes,
	// since the waits grow. A throttle says nothing of whether the call succeeds.
	Patience = 40
	// maxWait bounds how long Retry waits: a throttle that asks for more is
	// left to the caller, who may wait elsewhere.
	maxWait = time.Minute
)

// Pauses returns the waits between the tries of one request: from 200 ms,
// growing to 10 s, with jitter.
func Pauses() backoff.BackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.Multiplier, p.MaxInterval = 200*time.Millisecond, 2, 10*time.Second
	return p
}

// Retry calls f until it succeeds, fails with another kind than Temporary and
// Throttled, was tried Tries times, or ctx ends. It waits by pauses, or as long
// as a throttle asks where that is not over a minute. It is for requests that
// change nothing. Throttled calls are counted apart, up to Patience. Op and key are those of the error where ctx ends.
func Retry[T any](ctx context.Context, pauses backoff.BackOff, op, key string, f func() (T, error)) (T, error) {
	var last error
	left := map[fault.Kind]int{fault.Temporary: Tries, fault.Throttled: Patience}
	v, err := backoff.Retry(ctx, func() (T, error) {
		v, err := f()
		last = err
		wait, kind := fault.WaitOf(err), fault.KindOf(err)
		left[kind]--
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil, left[kind] <= 0, wait > maxWait:
			return v, backoff.Permanent(err)
		case wait > 0:
			return v, &backoff.RetryAfterError{Duration: wait}
		}
		return v, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(0), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return v, nil
	case ctx.Err() != nil && !errors.Is(last, context.Cause(ctx)):
		return v, fault.New(fault.Temporary, op, key, fault.Errorf("%w (the last try: %w)", context.Cause(ctx), last))
	}
	return v, last
}
