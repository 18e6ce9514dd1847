// Package retry calls again what failed and may succeed. A Policy says how often, and how
// long the pauses are; Do goes by it.
package retry

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/random"
)

// Policy says how often a call is tried, and how long the pauses between the tries are.
type Policy struct {
	Tries     int // a call that fails for the Tries-th time is not tried again; 0: it always is
	Throttles int // the same of calls that are throttled, which are counted apart then, since a throttle says nothing of whether the next call succeeds; 0: they count as tries

	First  time.Duration // the pause behind the first failure; not more than Most
	Most   time.Duration // what the pauses grow to
	Growth float64       // what a pause is multiplied with to give the next one
	Jitter float64       // the share of it that a pause is shorter or longer by, at the most
	// Between are the pauses in place of those that First, Most, Growth and Jitter describe;
	// nil: those. It belongs to one call of Do.
	Between backoff.BackOff

	MaxWait time.Duration    // a throttle that asks for a longer wait ends the tries: the caller may wait elsewhere; 0: none does
	Again   func(error) bool // which failures are tried again; nil: Temporary and Throttled
	// Wait returns the time between two tries. Asked is what the last one asked for, 0 where it
	// did not; pause is the next pause. Where it is asked, the pauses begin anew unless pause is
	// called. Nil: asked, or else the pause.
	Wait func(asked time.Duration, pause func() time.Duration) time.Duration
}

// Pauses returns p's pauses, from the first one on.
func (p Policy) Pauses() backoff.BackOff {
	return &jittered{backoff.ExponentialBackOff{InitialInterval: min(p.First, p.Most), MaxInterval: p.Most, Multiplier: p.Growth}, p.Jitter}
}

// jittered are pauses whose jitter is drawn where all of a process's is.
type jittered struct {
	backoff.ExponentialBackOff
	share float64
}

func (j *jittered) NextBackOff() time.Duration {
	return random.Within(j.ExponentialBackOff.NextBackOff(), j.share)
}

// Pause is the pause behind n others, for who keeps count of them: n over 16 is taken for 16.
func (p Policy) Pause(n int) time.Duration {
	pauses := p.Pauses()
	for range min(n, 16) {
		pauses.NextBackOff()
	}
	return pauses.NextBackOff()
}

// Ended is the error where ctx ended between two tries.
type Ended struct {
	Cause error // of ctx's end
	Last  error // of the last try
}

func (e *Ended) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *Ended) Unwrap() error { return e.Cause }

// Last is the error of the last try, where err is what Do returned.
func Last(err error) error {
	if e, ok := err.(*Ended); ok {
		return e.Last
	}
	return err
}

// Do calls f until it succeeds, fails in a way that p does not try again, was tried as often as
// p allows, or ctx ends. It returns what f returned last; the error is an *Ended where ctx ended
// in a pause.
func Do[T any](ctx context.Context, p Policy, f func() (T, error)) (T, error) {
	pauses := p.Between
	if pauses == nil {
		pauses = p.Pauses()
	}
	pauses.Reset()
	for tries, throttles := 0, 0; ; {
		v, err := f()
		if err == nil {
			return v, nil
		}
		kind, asked := fault.KindOf(err), fault.WaitOf(err)
		if kind == fault.Throttled && p.Throttles > 0 {
			throttles++
		} else {
			tries++
		}
		if !p.again(err) || tries > 0 && tries == p.Tries || throttles > 0 && throttles == p.Throttles || p.MaxWait > 0 && asked > p.MaxWait || ctx.Err() != nil {
			return v, err
		}
		pause := pauses.NextBackOff()
		if pause == backoff.Stop {
			return v, err
		}
		used := false
		wait := p.wait(asked, func() time.Duration { used = true; return pause })
		if !used {
			pauses.Reset()
		}
		if cause := Sleep(ctx, wait); cause != nil {
			return v, &Ended{cause, err}
		}
	}
}

func (p Policy) again(err error) bool {
	if p.Again != nil {
		return p.Again(err)
	}
	kind := fault.KindOf(err)
	return kind == fault.Temporary || kind == fault.Throttled
}

func (p Policy) wait(asked time.Duration, pause func() time.Duration) time.Duration {
	switch {
	case p.Wait != nil:
		return p.Wait(asked, pause)
	case asked > 0:
		return asked
	}
	return pause()
}

// Sleep waits for d; its error is the cause of ctx's end. No time at all always passes.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
