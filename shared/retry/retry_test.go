package retry_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/retry"
)

var (
	broken = fault.New(fault.Temporary, "op", "key", errors.New("broken"))
	denied = fault.New(fault.Denied, "op", "key", errors.New("denied"))
)

func throttle(wait time.Duration) error {
	return fault.Throttle("op", "key", wait, errors.New("slow down"))
}

// waits calls Do with an f that fails with errs, the last of them for ever, unless it is nil:
// it returns what lay between the calls, and Do's error.
func waits(ctx context.Context, p retry.Policy, errs ...error) (between []time.Duration, err error) {
	var last time.Time
	n := 0
	_, err = retry.Do(ctx, p, func() (int, error) {
		if n > 0 {
			between = append(between, time.Since(last))
		}
		last = time.Now()
		n++
		return n, errs[min(n, len(errs))-1]
	})
	return between, err
}

func TestAPolicySaysHowOftenAndHowLong(t *testing.T) {
	const s = time.Second
	even := retry.Policy{Tries: 4, Throttles: 3, First: s, Most: 3 * s, Growth: 2, MaxWait: time.Minute}
	with := func(change func(*retry.Policy)) retry.Policy {
		p := even
		change(&p)
		return p
	}
	for name, tc := range map[string]struct {
		policy retry.Policy
		errs   []error
		want   []time.Duration
		err    error
	}{
		"what succeeds is called once":                     {even, []error{nil}, nil, nil},
		"pauses grow to the most":                          {with(func(p *retry.Policy) { p.Tries = 5 }), []error{broken}, []time.Duration{s, 2 * s, 3 * s, 3 * s}, broken},
		"what succeeds at last is no error":                {even, []error{broken, broken, nil}, []time.Duration{s, 2 * s}, nil},
		"what no try can cure is not tried again":          {even, []error{broken, denied}, []time.Duration{s}, denied},
		"the policy says what may be tried again":          {with(func(p *retry.Policy) { p.Again = func(err error) bool { return fault.KindOf(err) == fault.Denied } }), []error{denied, broken}, []time.Duration{s}, broken},
		"a throttle is waited for as long as it asks":      {even, []error{throttle(7 * s), nil}, []time.Duration{7 * s}, nil},
		"one that names no time is a pause":                {even, []error{throttle(0), nil}, []time.Duration{s}, nil},
		"pauses begin anew behind one":                     {even, []error{broken, throttle(7 * s), broken, nil}, []time.Duration{s, 7 * s, s}, nil},
		"throttles are counted apart":                      {even, []error{throttle(s), broken, throttle(s), broken, broken, nil}, []time.Duration{s, s, s, s, 2 * s}, nil},
		"and end the tries when there are too many":        {even, []error{throttle(s)}, []time.Duration{s, s}, throttle(s)},
		"or count as tries":                                {with(func(p *retry.Policy) { p.Throttles = 0 }), []error{throttle(s)}, []time.Duration{s, s, s}, throttle(s)},
		"one that asks for too long is left to the caller": {even, []error{throttle(time.Hour)}, nil, throttle(time.Hour)},
		"unless the policy has no such limit":              {with(func(p *retry.Policy) { p.MaxWait = 0 }), []error{throttle(time.Hour), nil}, []time.Duration{time.Hour}, nil},
		"without a number of tries it is tried for ever":   {with(func(p *retry.Policy) { p.Tries = 0 }), append(slices.Repeat([]error{broken}, 20), denied), append([]time.Duration{s, 2 * s}, slices.Repeat([]time.Duration{3 * s}, 18)...), denied},
		"any number of throttles may be allowed":           {with(func(p *retry.Policy) { p.Throttles = math.MaxInt }), append(slices.Repeat([]error{throttle(s)}, 20), nil), slices.Repeat([]time.Duration{s}, 20), nil},
		"the policy says what a wait is": {with(func(p *retry.Policy) {
			p.Wait = func(asked time.Duration, pause func() time.Duration) time.Duration { return asked + pause() }
		}), []error{broken, throttle(7 * s), broken, nil}, []time.Duration{s, 9 * s, 3 * s}, nil},
		"pauses begin anew where the policy does not take one": {with(func(p *retry.Policy) {
			p.Wait = func(asked time.Duration, pause func() time.Duration) time.Duration {
				if asked > 0 {
					return asked / 2
				}
				return pause()
			}
		}), []error{broken, throttle(s), broken, nil}, []time.Duration{s, s / 2, s}, nil},
		"other pauses may be put in place":                         {with(func(p *retry.Policy) { p.Between = backoff.NewConstantBackOff(5 * s) }), []error{broken}, []time.Duration{5 * s, 5 * s, 5 * s}, broken},
		"pauses that stop end the tries":                           {with(func(p *retry.Policy) { p.Between = &backoff.StopBackOff{} }), []error{broken}, nil, broken},
		"a policy without pauses waits for nothing but a throttle": {retry.Policy{Tries: 3}, []error{broken, throttle(s), broken}, []time.Duration{0, s}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				between, err := waits(t.Context(), tc.policy, tc.errs...)
				if !slices.Equal(between, tc.want) || (err == nil) != (tc.err == nil) || err != nil && err.Error() != tc.err.Error() {
					t.Errorf("waited %v, %v, want %v, %v", between, err, tc.want, tc.err)
				}
			})
		})
	}
}

func TestAPauseIsSpreadByItsJitter(t *testing.T) {
	p := retry.Policy{First: time.Second, Most: 5 * time.Second, Growth: 2, Jitter: 0.25}
	for n, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
		var shortest, longest time.Duration = math.MaxInt64, 0
		for range 1000 {
			d := p.Pause(n)
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if least, most := want*3/4, want*5/4+1; shortest < least || longest > most || longest-shortest < want/3 {
			t.Errorf("pauses behind %d others are %v to %v, want them spread over %v to %v", n, shortest, longest, least, most)
		}
	}
	p = retry.Policy{First: time.Hour, Most: time.Minute, Growth: 2}
	if d := p.Pause(0); d != time.Minute {
		t.Errorf("the first pause is %v, want the most, which is less", d)
	}
	p = retry.Policy{First: 1, Most: time.Hour, Growth: 2}
	if d := p.Pause(10_000); d != 1<<16 {
		t.Errorf("the pause behind 10,000 others is %d ns, want that behind 16", d)
	}
}

func TestAnEndedContextEndsTheTries(t *testing.T) {
	p := retry.Policy{Tries: 5, First: time.Second, Most: time.Second, Growth: 2}
	enough := errors.New("enough")
	for name, tc := range map[string]struct {
		after time.Duration
		calls int
	}{"before the first": {-1, 1}, "in a pause": {1500 * time.Millisecond, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				if tc.after < 0 {
					cancel(enough)
				} else {
					time.AfterFunc(tc.after, func() { cancel(enough) })
				}
				between, err := waits(ctx, p, broken)
				if len(between)+1 != tc.calls {
					t.Errorf("called %d times, want %d", len(between)+1, tc.calls)
				}
				if inPause := tc.after > 0; errors.Is(err, enough) != inPause || retry.Last(err) != error(broken) {
					t.Errorf("Do = %v, last %v, want the cause: %v, and the last error", err, retry.Last(err), inPause)
				}
			})
		})
	}
}
