package faas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/faas"
)

// child makes this test binary a function: the tests start it as one.
const child = "FAAS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	var keys atomic.Pointer[faas.Credentials]
	handle := func(ctx context.Context, m faas.Message) error {
		var b struct{ Do string }
		if err := json.Unmarshal(m.Body, &b); err != nil {
			return err
		}
		switch b.Do {
		case "fail":
			return errBoom
		case "panic":
			panic("the panic's value")
		case "hang":
			<-ctx.Done()
			return ctx.Err()
		case "keys":
			return fmt.Errorf("keys %+v", *keys.Load())
		}
		return nil
	}
	faas.Main(handle, faas.Options{
		Swap: func(c faas.Credentials) { keys.Store(&c) },
		Log:  slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
}

func do(what string) string { return fmt.Sprintf(`{"v":1,"do":%q}`, what) }

// failed wants an answer that is an error, and returns its type and message.
func failed(t *testing.T, a answer) (kind, message string) {
	t.Helper()
	var e struct {
		Kind  string            `json:"errorType"`
		Text  string            `json:"errorMessage"`
		Stack []json.RawMessage `json:"stackTrace"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || !a.failed || len(e.Stack) != 0 {
		t.Errorf("answer = %+v (%v), want an error without a stack", a, err)
	}
	return e.Kind, e.Text
}

func TestFunctionComputesLoopIsServed(t *testing.T) {
	t.Parallel()
	p, log := start(t, "/2020-11-11")
	p.well(t)
	kind, text := failed(t, p.invoke(t, []byte("["+do("ok")+","+do("fail")+","+do("panic")+"]"), nil))
	want := "2 of 3 messages failed (the others will be delivered again with them): message #2: boom; message #3: panic: see the log of request req-2"
	if kind != "messagesFailed" || text != want {
		t.Errorf("error = %s: %s, want messagesFailed: %s", kind, text, want)
	}
	if kind, text := failed(t, p.invoke(t, []byte("null"), nil)); kind != "unreadable" || !strings.Contains(text, "the event is null") {
		t.Errorf("error = %s: %s, want an unreadable event", kind, text)
	}
	p.well(t) // the instance goes on after failures
	p.timeout = 300 * time.Millisecond
	if _, text := failed(t, p.invoke(t, []byte(do("hang")), nil)); !strings.Contains(text, "deadline exceeded") {
		t.Errorf("error = %s, want out of time", text)
	}
	if s := log.String(); !strings.Contains(s, `"err":"the panic's value"`) || !strings.Contains(s, `"request":"req-2"`) {
		t.Errorf("log = %s, want the panic with its request", s)
	}
}

func TestFunctionComputesKeysReachTheMessagesOfEachInvocation(t *testing.T) {
	t.Parallel()
	p, log := start(t, "/2020-11-11")
	for _, id := range []string{"first", "second"} {
		_, text := failed(t, p.invoke(t, []byte(do("keys")), map[string]string{
			"x-fc-access-key-id": id, "x-fc-access-key-secret": "secret of " + id, "x-fc-security-token": "token of " + id,
		}))
		if want := fmt.Sprintf("keys {AccessKeyID:%s AccessKeySecret:secret of %s SecurityToken:token of %s}", id, id, id); !strings.HasSuffix(text, want) {
			t.Errorf("error = %s, want %s", text, want)
		}
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if a := p.invoke(t, []byte(do("ok")), map[string]string{"x-fc-access-key-id": fmt.Sprint(i), "x-fc-access-key-secret": "x"}); a.failed {
				t.Errorf("answer = %+v, want invocations at the same time to do no harm", a)
			}
		})
	}
	all.Wait()
	if strings.Contains(log.String(), "DATA RACE") {
		t.Errorf("log = %s, want no race", log)
	}
}

func TestLambdasLoopIsServed(t *testing.T) {
	t.Parallel()
	p, log := start(t, "/2018-06-01")
	a := p.invoke(t, sqs(do("ok"), do("fail"), do("panic"), do("ok")), nil)
	if want := `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}`; a.failed || a.body != want {
		t.Errorf("answer = %+v, want %s", a, want)
	}
	p.well(t) // the instance goes on after a panic
	if kind, text := failed(t, p.invoke(t, []byte(`{"detail-type":"x","source":"y"}`), nil)); kind != "unreadable" || !strings.Contains(text, "other than a schedule's") {
		t.Errorf("error = %s: %s, want an unreadable event", kind, text)
	}
	p.timeout = 300 * time.Millisecond
	a = p.invoke(t, sqs(do("hang"), do("ok")), nil)
	if want := `{"batchItemFailures":[{"itemIdentifier":"m0"}]}`; a.failed || a.body != want {
		t.Errorf("answer = %+v, want %s before the platform's deadline", a, want)
	}
	if s := log.String(); !strings.Contains(s, `"message":"m1","err":"boom","request":"req-1"`) {
		t.Errorf("log = %s, want the failed message with its request", s)
	}
}

func TestStartedByHandAFunctionSaysWhatStartsIt(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{child + "=1"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		t.Errorf("exit = %v, want status 2", err)
	}
	for _, v := range slices.Sorted(maps.Values(variables)) {
		if !strings.Contains(stderr.String(), v) {
			t.Errorf("stderr = %s, want it to name %s", stderr.String(), v)
		}
	}
}

// well wants one more invocation to go well.
func (p *platform) well(t testing.TB) {
	t.Helper()
	if a := p.invoke(t, []byte(do("ok")), nil); a.failed || a.body != `{"done":1}` {
		t.Fatalf("answer = %+v, want one done", a)
	}
}

// BenchmarkWire measures a warm invocation over the platform's whole loop:
// the event handed out, the message done, the answer received.
func BenchmarkWire(b *testing.B) {
	for _, prefix := range slices.Sorted(maps.Keys(variables)) {
		b.Run(variables[prefix], func(b *testing.B) {
			p, _ := start(b, prefix)
			p.well(b)
			for b.Loop() {
				p.well(b)
			}
		})
	}
}

// overhead is the most a warm invocation may add to its task: the platforms
// bill by the millisecond.
const overhead = 5 * time.Millisecond

func TestAWarmInvocationAddsLittleToItsTask(t *testing.T) {
	for _, prefix := range slices.Sorted(maps.Keys(variables)) {
		p, _ := start(t, prefix)
		p.well(t)
		took := make([]time.Duration, 101)
		for i := range took {
			begun := time.Now()
			p.well(t)
			took[i] = time.Since(begun)
		}
		slices.Sort(took)
		t.Logf("%s: 10th percentile %v, median %v", variables[prefix], took[10], took[50])
		// The quick ones: the others tell how busy this machine is.
		if took[10] >= overhead {
			t.Errorf("%s: 10th percentile = %v, want under %v", variables[prefix], took[10], overhead)
		}
	}
}
