package faas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"kodoferry/shared/faas"
)

// sqs is an SQS event with a record for each of bodies; ids are m0, m1, …
func sqs(bodies ...string) []byte {
	type record struct {
		ID   string `json:"messageId"`
		Body string `json:"body"`
	}
	var e struct{ Records []record }
	for i, b := range bodies {
		e.Records = append(e.Records, record{fmt.Sprintf("m%d", i), b})
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return b
}

func TestAPanicFailsItsOwnMessageAndItsStackIsInTheLogAlone(t *testing.T) {
	var log bytes.Buffer
	var others atomic.Int64
	f := faas.New(func(_ context.Context, m faas.Message) error {
		switch number(m) {
		case 1:
			panic("secret of the panic")
		case 2:
			runtime.Goexit() // as a failed assertion does
		}
		others.Add(1)
		return nil
	}, faas.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	_, err := f.Invoke(onFC(t.Context(), fccontext.FcContext{RequestID: "req-7"}), bodies(4))
	if others.Load() != 2 {
		t.Errorf("%d neighbours done, want 2", others.Load())
	}
	want := "2 of 4 messages failed (the others will be delivered again with them): message #2: panic: see the log of request req-7; message #3: the handler ended its goroutine"
	if err == nil || err.Error() != want {
		t.Errorf("Invoke = %v, want %s", err, want)
	}
	if s := log.String(); !strings.Contains(s, "secret of the panic") || !strings.Contains(s, "messages_test.go") || !strings.Contains(s, `"request":"req-7"`) || !strings.Contains(s, `"message":"#3"`) {
		t.Errorf("log = %s, want value, stack and request", s)
	}
}

func TestAPanicOutsideOfMessagesFailsTheInvocationWithoutItsStack(t *testing.T) {
	for name, o := range map[string]faas.Options{
		"Ready": {Ready: func() error { panic("secret") }},
		"Swap":  {Swap: func(faas.Credentials) { panic("secret") }},
	} {
		f := faas.New(ok, o)
		ctx := onFC(t.Context(), fccontext.FcContext{RequestID: "req-8", Credentials: fccontext.Credentials{AccessKeyId: "a", AccessKeySecret: "b"}})
		if _, err := f.Invoke(ctx, bodies(1)); err == nil || err.Error() != "panic: see the log of request req-8" {
			t.Errorf("%s: Invoke = %v, want a panic without its value", name, err)
		}
	}
	f := faas.New(ok, faas.Options{Timer: func(context.Context, faas.Timer) error { panic("secret") }})
	if _, err := f.Invoke(t.Context(), []byte(`{"triggerTime":"","triggerName":"x"}`)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Timer: Invoke = %v, want a panic without its value", err)
	}
}

var errBoom = errors.New("boom")

func TestSQSIsToldTheFailedMessagesAlone(t *testing.T) {
	f := faas.New(func(_ context.Context, m faas.Message) error {
		switch string(m.Body) {
		case "fail":
			return errBoom
		case "panic":
			panic("x")
		}
		return nil
	}, faas.Options{})
	for _, tc := range []struct {
		bodies []string
		want   string
	}{
		{[]string{"ok", "ok"}, `{"batchItemFailures":[]}`},
		{[]string{"ok", "fail", "panic", "ok"}, `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}`},
		{[]string{"fail", "fail"}, `{"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m1"}]}`},
	} {
		if answer, err := f.Invoke(t.Context(), sqs(tc.bodies...)); err != nil || string(answer) != tc.want {
			t.Errorf("%q: Invoke = %s, %v, want %s", tc.bodies, answer, err, tc.want)
		}
	}
}

func TestElsewhereTheErrorNamesEachFailedMessage(t *testing.T) {
	f := faas.New(func(_ context.Context, m faas.Message) error {
		if m.ID == "b" {
			return errBoom
		}
		return errors.New(strings.Repeat("中", 1000))
	}, faas.Options{})
	_, err := f.Invoke(t.Context(), []byte(`[{"messageId":"a","messageBody":"{}"},{"messageId":"b","messageBody":"{}"},7]`))
	if !errors.Is(err, errBoom) {
		t.Errorf("Invoke = %v, want the reason in its chain", err)
	}
	for _, want := range []string{"3 of 3 messages failed: message a: 中中", "中…; message b: boom; message #3: the event is a number: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Invoke = %v, want %q in it", err, want)
		}
	}
	if err != nil && len(err.Error()) > 1200 {
		t.Errorf("error of %d bytes, want reasons cut short", len(err.Error()))
	}
}

func TestAnInvocationTriedAgainSaysSoToItsMessages(t *testing.T) {
	for retries, want := range map[int]int{0: 0, 1: 2, 7: 8} {
		f := faas.New(func(_ context.Context, m faas.Message) error {
			if m.Deliveries != want {
				return fmt.Errorf("deliveries = %d, want %d", m.Deliveries, want)
			}
			return nil
		}, faas.Options{})
		if _, err := f.Invoke(onFC(t.Context(), fccontext.FcContext{RetryCount: retries}), bodies(1)); err != nil {
			t.Errorf("%d retries: %v", retries, err)
		}
	}
}

func TestATimerIsToldOrIsAnError(t *testing.T) {
	event := []byte(`{"triggerTime":"2022-07-29T10:02:58Z","triggerName":"nightly","payload":"photos"}`)
	var got faas.Timer
	f := faas.New(ok, faas.Options{Timer: func(_ context.Context, tick faas.Timer) error { got = tick; return nil }})
	if answer, err := f.Invoke(t.Context(), event); err != nil || string(answer) != `{"done":1}` || got.Name != "nightly" || got.Payload != "photos" {
		t.Errorf("Invoke = %s, %v, timer %+v, want it told", answer, err, got)
	}
	f = faas.New(ok, faas.Options{Timer: func(context.Context, faas.Timer) error { return errBoom }})
	if _, err := f.Invoke(t.Context(), event); !errors.Is(err, errBoom) || err.Error() != `timer "nightly": boom` {
		t.Errorf("Invoke = %v, want the timer's error", err)
	}
	if _, err := faas.New(ok, faas.Options{}).Invoke(t.Context(), event); err == nil || !strings.Contains(err.Error(), "take the timer trigger away") {
		t.Errorf("Invoke = %v, want an error with a cure", err)
	}
}

func TestEveryLineOfAMessageCarriesItsRequestOnce(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(faas.WithRequest(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	f := faas.New(func(ctx context.Context, m faas.Message) error {
		log.With("kind", "copy").WithGroup("more").InfoContext(ctx, "the handler's own")
		return errBoom
	}, faas.Options{Log: log})
	log.Info("outside of a request")
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-9"})
	if _, err := f.Invoke(ctx, sqs("x")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || strings.Contains(lines[0], "request\":") {
		t.Fatalf("log = %q, want 4 lines, the first without a request", lines)
	}
	for _, line := range lines[1:] {
		if strings.Count(line, `"request":"req-9"`) != 1 {
			t.Errorf("line = %s, want the request in it once", line)
		}
	}
	if !strings.Contains(out.String(), `"msg":"message failed, left to be delivered again","message":"m0","err":"boom"`) {
		t.Errorf("log = %s, want the failed message: SQS is not told the reason", out.String())
	}
}
