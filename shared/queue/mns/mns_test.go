package mns_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
)

func TestOpenNamesEveryMistake(t *testing.T) {
	_, err := mns.Open(mns.Config{Account: "a.b", Endpoint: "http://127.0.0.1:1"})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("Open = %v, want it invalid", err)
	}
	for _, want := range []string{`"" is no queue`, `"a.b" is no account`, `"" is no region`, "insecure=true", "no credentials"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want it to say %q", err, want)
		}
	}
}

func TestCheckNamesTheThingAndTheCure(t *testing.T) {
	s := start(t, nil)
	open(t, s, "jobs", stand.Attributes{})
	s.AddCredential(stand.Credential{ID: "old", Secret: "s", Token: "t", Expires: time.Now().Add(-time.Hour)})
	keys := func(id, secret, token string) func(*mns.Config) {
		return func(c *mns.Config) {
			c.Credentials = func() mns.Credentials {
				return mns.Credentials{AccessKeyID: id, AccessKeySecret: secret, SecurityToken: token}
			}
		}
	}
	for name, tc := range map[string]struct {
		set  func(*mns.Config)
		kind fault.Kind
		says string
	}{
		"all is well":   {func(*mns.Config) {}, "", ""},
		"no such queue": {func(c *mns.Config) { c.Queue = "jbos" }, fault.NotFound, `queue "jbos" does not exist`},
		"unknown key":   {keys("nobody", "s", ""), fault.Denied, "ALIBABA_CLOUD_ACCESS_KEY_ID"},
		"wrong secret":  {keys("id", "s", ""), fault.Denied, "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		"expired token": {keys("old", "s", "t"), fault.Denied, "ALIBABA_CLOUD_SECURITY_TOKEN"},
		"nobody there":  {func(c *mns.Config) { c.Endpoint = "http://127.0.0.1:1" }, fault.Temporary, "127.0.0.1:1 cannot be reached: check endpoint="},
	} {
		t.Run(name, func(t *testing.T) {
			err := reopen(t, s, "jobs", tc.set).Check(t.Context())
			if fault.KindOf(err) != tc.kind || tc.says != "" && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Check = %v, want kind %q that says %q", err, tc.kind, tc.says)
			}
		})
	}
}

func TestAMessageIsSentAgainUntilItIsTaken(t *testing.T) {
	for name, rule := range map[string]chaos.Rule{
		"lost answers": {Op: "send", Kind: chaos.Lost, Rate: 1, Limit: 2},
		"errors":       {Op: "send", Kind: chaos.Status, Rate: 1, Status: 503, Limit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			q := open(t, s, "jobs", stand.Attributes{})
			s.Desk().Inject(rule)
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}, queue.Outgoing{Body: []byte("b")}); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			got, err := q.Receive(t.Context(), 16, 0)
			for _, m := range got {
				seen[string(m.Body)] = true
			}
			if err != nil || !seen["a"] || !seen["b"] {
				t.Errorf("received %+v, %v, want both", got, err)
			}
		})
	}
}

func TestAThrottledSendWaitsAndThenSends(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	s.Desk().Inject(chaos.Rule{Op: "send", Kind: chaos.Throttle, Rate: 1, Limit: 1})
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}); err != nil {
		t.Fatal(err)
	}
	if n := s.Desk().Counts()["send"]; n != 2 {
		t.Errorf("%d requests, want 2: one throttled, one taken", n)
	}
}

func TestABodyThatXMLCannotHoldIsInvalid(t *testing.T) {
	q := open(t, start(t, nil), "jobs", stand.Attributes{})
	for _, body := range []string{"", "a\x00b", "a\x1fb", "\xff", "a\ufffe", "\uffff"} {
		if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(body)}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Send(%q) = %v, want it invalid: it would arrive as something else", body, err)
		}
	}
}

func TestTheNewestKeysSign(t *testing.T) {
	s := start(t, nil)
	key := "nobody"
	q := open(t, s, "jobs", stand.Attributes{}, func(c *mns.Config) {
		c.Credentials = func() mns.Credentials { return mns.Credentials{AccessKeyID: key, AccessKeySecret: "secret"} }
	})
	if _, err := q.Depth(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("Depth = %v, want it denied", err)
	}
	key = "id"
	if _, err := q.Depth(t.Context()); err != nil {
		t.Errorf("Depth with the new keys = %v, want no error", err)
	}
}

func TestACancelledReceiveLeavesNothingBehind(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	before := runtime.NumGoroutine()
	enough := errors.New("enough")
	for range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Millisecond, func() { cancel(enough) })
		begun := time.Now()
		if _, err := q.Receive(ctx, 1, 30*time.Second); !errors.Is(err, enough) || time.Since(begun) > 10*time.Second {
			t.Fatalf("Receive = %v after %v, want the cause at once", err, time.Since(begun))
		}
	}
	q.CloseIdle()
	for range 200 {
		if runtime.NumGoroutine() <= before+4 { // the stand-in's own connections
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before: some outlive their call", runtime.NumGoroutine(), before)
}

func TestABatchIsCutToWhatOneRequestTakes(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	var out []queue.Outgoing
	for i := range 40 {
		out = append(out, queue.Outgoing{Body: fmt.Appendf(nil, "%02d%s", i, strings.Repeat(`"`, 3000))}) // a quote is 5 bytes of XML
	}
	if err := q.Send(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Depth("jobs"); err != nil || d.Active != 40 {
		t.Errorf("depth %+v, %v, want 40 messages", d, err)
	}
	if n := s.Desk().Counts()["send"]; n < 10 || n > 14 {
		t.Errorf("%d requests for 40 messages of 15 KiB of XML, want about 10", n)
	}
}

func BenchmarkSend(b *testing.B) {
	s, err := stand.Start(stand.Config{AccessKeyID: "id", AccessKeySecret: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("jobs", stand.Attributes{}); err != nil {
		b.Fatal(err)
	}
	q, err := mns.Open(mns.Config{
		Queue: "jobs", Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
	})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]queue.Outgoing, 16)
	for i := range out {
		out[i].Body = []byte(`{"v":1,"kind":"copy","run":"photos/20260101T000000Z","shard":"0","batch":"0-abcdefgh","first":"a","last":"b"}`)
	}
	for b.Loop() {
		if err := q.Send(b.Context(), out...); err != nil {
			b.Fatal(err)
		}
	}
}
