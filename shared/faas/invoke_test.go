package faas_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"kodoferry/shared/faas"
)

// ok is a handler that does every message.
func ok(context.Context, faas.Message) error { return nil }

// bodies is an event of n bodies, numbered from 0.
func bodies(n int) []byte {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"v":1,"n":%d}`, i)
	}
	return []byte("[" + strings.Join(list, ",") + "]")
}

// number says which of bodies m is.
func number(m faas.Message) int {
	var b struct{ N int }
	if err := json.Unmarshal(m.Body, &b); err != nil {
		return -1
	}
	return b.N
}

func onFC(ctx context.Context, c fccontext.FcContext) context.Context {
	return fccontext.NewContext(ctx, &c)
}

func TestWhatComesBeforeTheMessagesComesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		note := func(s string) { order = append(order, s) }
		f := faas.New(func(context.Context, faas.Message) error { note("message"); return nil }, faas.Options{
			Ready: func() error { note("ready"); return nil },
			Idle:  func() { note("idle") },
			Swap:  func(c faas.Credentials) { note("swap " + c.AccessKeyID + c.AccessKeySecret + c.SecurityToken) },
		})
		ctx := onFC(t.Context(), fccontext.FcContext{Credentials: fccontext.Credentials{AccessKeyId: "a", AccessKeySecret: "b", SecurityToken: "c"}})
		for _, want := range [][]string{{"ready", "swap abc", "message"}, {"ready", "idle", "swap abc", "message"}} {
			order = nil
			if answer, err := f.Invoke(ctx, bodies(1)); err != nil || string(answer) != `{"done":1}` {
				t.Errorf("Invoke = %s, %v, want one done", answer, err)
			}
			if !slices.Equal(order, want) {
				t.Errorf("order = %q, want %q", order, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestAFunctionThatIsNotConfiguredFailsEveryInvocationWithAllMistakes(t *testing.T) {
	calls := 0
	mistakes := errors.Join(errors.New("FERRY_A is not set"), errors.New("FERRY_B is no URL"))
	f := faas.New(func(context.Context, faas.Message) error { calls++; return nil }, faas.Options{
		Ready: func() error { return mistakes },
		Idle:  func() { calls++ },
		Swap:  func(faas.Credentials) { calls++ },
	})
	for range 2 {
		_, err := f.Invoke(onFC(t.Context(), fccontext.FcContext{Credentials: fccontext.Credentials{AccessKeyId: "a", AccessKeySecret: "b"}}), bodies(1))
		if !errors.Is(err, mistakes) || !strings.Contains(err.Error(), "FERRY_A is not set\nFERRY_B") {
			t.Errorf("Invoke = %v, want both mistakes", err)
		}
	}
	if calls != 0 {
		t.Errorf("%d calls of a function that is not configured, want none", calls)
	}
}

func TestIdleIsCalledOnlyAfterAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := 0
		var busy time.Duration
		f := faas.New(func(context.Context, faas.Message) error { time.Sleep(busy); return nil }, faas.Options{Idle: func() { idle++ }})
		invoke := func() {
			if _, err := f.Invoke(t.Context(), bodies(1)); err != nil {
				t.Errorf("Invoke = %v, want no error", err)
			}
		}
		for _, step := range []struct {
			why       string
			gap, busy time.Duration
			want      int
		}{
			{"the first invocation", time.Hour, 0, 0},
			{"a short gap", 30 * time.Second, time.Hour, 0},
			{"a long invocation is no gap", time.Second, 0, 0},
			{"a long gap", 31 * time.Second, 0, 1},
			{"at once", 0, 0, 1},
		} {
			time.Sleep(step.gap)
			busy = step.busy
			if invoke(); idle != step.want {
				t.Errorf("%s: Idle called %d times, want %d", step.why, idle, step.want)
			}
		}
		busy = time.Hour
		var all sync.WaitGroup
		all.Go(invoke)
		time.Sleep(time.Minute) // the instance is at work: no gap
		all.Go(invoke)
		all.Wait()
		if idle != 1 {
			t.Errorf("Idle called %d times, want 1: another invocation was under way", idle)
		}
	})
}

func TestKeysAreSwappedOnlyWhereThereAreSome(t *testing.T) {
	swapped := 0
	f := faas.New(ok, faas.Options{Swap: func(faas.Credentials) { swapped++ }})
	for name, ctx := range map[string]context.Context{
		"a direct call":                   t.Context(),
		"Lambda":                          lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r"}),
		"Function Compute without a role": onFC(t.Context(), fccontext.FcContext{RequestID: "r"}),
	} {
		if _, err := f.Invoke(ctx, bodies(1)); err != nil || swapped != 0 {
			t.Errorf("%s: Invoke = %v, %d swaps, want none", name, err, swapped)
		}
	}
}

func TestConcurrentInvocationsSeeKeysAtLeastAsNewAsTheirOwn(t *testing.T) {
	var keys atomic.Pointer[faas.Credentials]
	f := faas.New(func(context.Context, faas.Message) error {
		if c := keys.Load(); c == nil || c.AccessKeySecret != "secret of "+c.AccessKeyID {
			return fmt.Errorf("keys = %+v, want a whole pair", c)
		}
		return nil
	}, faas.Options{Swap: func(c faas.Credentials) { keys.Store(&c) }})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			id := fmt.Sprint("key", i)
			ctx := onFC(t.Context(), fccontext.FcContext{RequestID: id, Credentials: fccontext.Credentials{AccessKeyId: id, AccessKeySecret: "secret of " + id}})
			if _, err := f.Invoke(ctx, bodies(20)); err != nil {
				t.Errorf("Invoke = %v, want no error", err)
			}
		})
	}
	all.Wait()
}

func TestMessagesShareOneDeadlineThatLeavesTimeForTheAnswer(t *testing.T) {
	for name, tc := range map[string]struct{ timeout, want time.Duration }{
		"five minutes":   {5 * time.Minute, 5*time.Minute - time.Second},
		"ten seconds":    {10 * time.Second, 9 * time.Second},
		"three seconds":  {3 * time.Second, 2700 * time.Millisecond},
		"no time at all": {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
				defer cancel()
				var mu sync.Mutex
				deadlines := map[time.Duration]int{}
				f := faas.New(func(ctx context.Context, _ faas.Message) error {
					d, _ := ctx.Deadline()
					mu.Lock()
					deadlines[d.Sub(begun)]++
					mu.Unlock()
					<-ctx.Done()
					return ctx.Err()
				}, faas.Options{})
				_, err := f.Invoke(ctx, bodies(5))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Invoke = %v, want out of time", err)
				}
				if took := time.Since(begun); took != tc.want {
					t.Errorf("Invoke took %v, want %v", took, tc.want)
				}
				if tc.want > 0 && (len(deadlines) != 1 || deadlines[tc.want] != 5) {
					t.Errorf("deadlines = %v, want %v five times: messages run at the same time", deadlines, tc.want)
				}
			})
		})
	}
}

func TestWithoutADeadlineThereIsNone(t *testing.T) {
	f := faas.New(func(ctx context.Context, _ faas.Message) error {
		if d, ok := ctx.Deadline(); ok {
			return fmt.Errorf("deadline = %v, want none", d)
		}
		return nil
	}, faas.Options{})
	if _, err := f.Invoke(context.Background(), bodies(1)); err != nil {
		t.Error(err)
	}
}

func TestOfAHugeBatchAFewRunAtATimeAndTheRestSaysItNeverBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var running atomic.Int64
		f := faas.New(func(ctx context.Context, _ faas.Message) error {
			running.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}, faas.Options{})
		_, err := f.Invoke(ctx, bodies(1000))
		if running.Load() != 64 {
			t.Errorf("%d messages ran, want 64", running.Load())
		}
		if err == nil || strings.Count(err.Error(), "not begun") != 1000-64 || !strings.HasPrefix(err.Error(), "1000 of 1000 messages failed") {
			t.Errorf("Invoke = %.200v, want all failed and 936 not begun", err)
		}
	})
}

func TestAnInvocationWaitsForItsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		f := faas.New(func(context.Context, faas.Message) error { time.Sleep(time.Hour); return nil }, faas.Options{})
		if _, err := f.Invoke(ctx, bodies(2)); err != nil || time.Since(begun) != time.Hour {
			t.Errorf("Invoke = %v after %v, want an hour: nothing outlives an invocation", err, time.Since(begun))
		}
	})
}

func BenchmarkInvoke(b *testing.B) {
	f := faas.New(ok, faas.Options{Ready: func() error { return nil }, Idle: func() {}, Swap: func(faas.Credentials) {}})
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	ctx = onFC(ctx, fccontext.FcContext{RequestID: "r", Credentials: fccontext.Credentials{AccessKeyId: "a", AccessKeySecret: "b"}})
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprint(n, "messages"), func(b *testing.B) {
			event := bodies(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Invoke(ctx, event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
