package limit

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// elapsed is how long f takes.
func elapsed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func TestARateLetsSoManyTokensASecondPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a adjustable
		take := func(n int) time.Duration {
			return elapsed(func() {
				if err := a.wait(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
		}
		if d := take(1 << 30); d != 0 {
			t.Errorf("without a bound 2^30 tokens take %v, want no time", d)
		}
		a.set(100, 1)
		if d := take(1000); d != 10*time.Second {
			t.Errorf("1,000 tokens at 100 a second take %v, want 10 s: no burst at the beginning", d)
		}
		time.Sleep(time.Minute)
		if d := take(125); d != time.Second {
			t.Errorf("125 tokens after a pause take %v, want 1 s: a quarter of a second's are there", d)
		}
		a.set(0, 1)
		if d := take(1 << 30); d != 0 {
			t.Errorf("once the bound is lifted 2^30 tokens take %v, want no time", d)
		}
	})
}

func TestACallThatWaitsFollowsANewRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a adjustable
		a.set(1, 1)
		took := make(chan time.Duration)
		go func() { took <- elapsed(func() { _ = a.wait(t.Context(), 100) }) }()
		time.Sleep(5 * time.Second)
		a.set(100, 1)
		if d := <-took; d != 6*time.Second {
			t.Errorf("100 tokens take %v, want 5 s at the old rate and 1 s at the new", d)
		}
	})
}

func TestAMeteredBodyEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a adjustable
		a.set(1000, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		body := metered{io.NopCloser(strings.NewReader(strings.Repeat("x", 10_000))), ctx, &a}
		var err error
		if d := elapsed(func() { _, err = io.Copy(io.Discard, body) }); d != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("10,000 bytes at 1,000 a second end after %v with %v, want after 3 s with the request's context", d, err)
		}
	})
}
