package mns_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
		"all is well": {func(*mns.Config) {}, "", ""},
		"no key":      {keys("", "", ""), fault.Denied, "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		"a forbidden": {func(*mns.Config) {
			s.Desk().Inject(chaos.Rule{Op: "attributes", Kind: chaos.Status, Status: 403, Rate: 1, Limit: 1})
		}, fault.Denied, "mns:BatchSendMessage"},
		"no such queue": {func(c *mns.Config) { c.Queue = "jbos" }, fault.NotFound, `queue "jbos" does not exist`},
		"unknown key":   {keys("nobody", "s", ""), fault.Denied, "ALIBABA_CLOUD_ACCESS_KEY_ID"},
		"wrong secret":  {keys("id", "s", ""), fault.Denied, "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		"expired token": {keys("old", "s", "t"), fault.Denied, "ALIBABA_CLOUD_SECURITY_TOKEN"},
		"nobody there":  {func(c *mns.Config) { c.Endpoint = "http://127.0.0.1:1" }, fault.Temporary, "127.0.0.1:1 cannot be reached: check endpoint="},
	} {
		t.Run(name, func(t *testing.T) {
			q := reopen(t, s, "jobs", tc.set)
			q.Hasten()
			err := q.Check(t.Context())
			if fault.KindOf(err) != tc.kind || tc.says != "" && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Check = %v, want kind %q that says %q", err, tc.kind, tc.says)
			}
		})
	}
}

func TestTheNewestKeysSign(t *testing.T) {
	s := start(t, nil)
	s.AddCredential(stand.Credential{ID: "role", Secret: "s", Token: "t", Expires: time.Now().Add(time.Hour)})
	var keys mns.Credentials
	q := open(t, s, "jobs", stand.Attributes{}, func(c *mns.Config) {
		c.Credentials = func() mns.Credentials { return keys }
	})
	for _, step := range []struct {
		keys mns.Credentials
		want fault.Kind
	}{
		{mns.Credentials{AccessKeyID: "nobody", AccessKeySecret: "secret"}, fault.Denied},
		{mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}, ""},
		{mns.Credentials{AccessKeyID: "role", AccessKeySecret: "s"}, fault.Denied},
		{mns.Credentials{AccessKeyID: "role", AccessKeySecret: "s", SecurityToken: "t"}, ""},
		{mns.Credentials{}, fault.Denied},
	} {
		keys = step.keys
		if _, err := q.Depth(t.Context()); fault.KindOf(err) != step.want {
			t.Errorf("Depth with key %q = %v, want kind %q", keys.AccessKeyID, err, step.want)
		}
	}
}

func TestTheClockIsToBlameForARefusedTime(t *testing.T) {
	q := open(t, start(t, func() time.Time { return time.Now().Add(time.Hour) }), "jobs", stand.Attributes{})
	q.Hasten()
	if err := q.Check(t.Context()); fault.KindOf(err) != fault.Temporary || !strings.Contains(err.Error(), "set this machine's clock") {
		t.Errorf("Check = %v, want it temporary and about the clock", err)
	}
}

func TestAnEndpointIsWrittenInFourWays(t *testing.T) {
	for _, tc := range []struct {
		endpoint string
		insecure bool
		want     string // where requests go, or what Open says
	}{
		{"", false, "https://1234.mns.cn-nowhere.aliyuncs.com"},
		{"public", false, "https://1234.mns.cn-nowhere.aliyuncs.com"},
		{"internal", false, "https://1234.mns.cn-nowhere-internal.aliyuncs.com"},
		{"", true, "https://1234.mns.cn-nowhere.aliyuncs.com"},
		{"internal", true, "http://1234.mns.cn-nowhere-internal.aliyuncs.com"},
		{"https://127.0.0.1:1/", false, "https://127.0.0.1:1"},
		{"127.0.0.1:1", false, "https://127.0.0.1:1"},
		{"http://127.0.0.1:1", true, "http://127.0.0.1:1"},
		{"http://localhost", false, "add insecure=true"},
		{"https://me:pass@host", false, "the endpoint is no host"},
		{"https://host/with/paths", false, "the endpoint is no host"},
		{"ftp://host", true, "the endpoint is no host"},
	} {
		t.Run(fmt.Sprint(tc.endpoint, tc.insecure), func(t *testing.T) {
			q, err := mns.Open(mns.Config{
				Queue: "jobs", Account: "1234", Region: "cn-nowhere", Endpoint: tc.endpoint, Insecure: tc.insecure,
				Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
			})
			switch {
			case err == nil && q.Base() != tc.want:
				t.Errorf("requests go to %s, want %s", q.Base(), tc.want)
			case err != nil && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "pass")):
				t.Errorf("Open = %v, want it invalid, saying %q", err, tc.want)
			}
		})
	}
}

// TestAnInternalAddressThatDoesNotSpeakHTTPSNamesTheCure: internal names are documented for
// http alone (MNS, "Endpoints").
func TestAnInternalAddressThatDoesNotSpeakHTTPSNamesTheCure(t *testing.T) {
	const cure = "leave endpoint=internal out of FERRY_QUEUES"
	for _, tc := range []struct {
		endpoint string
		insecure bool
		want     bool
	}{{"internal", false, true}, {"internal", true, false}, {"", false, false}, {"https://127.0.0.1:1", false, false}} {
		q, err := mns.Open(mns.Config{
			Queue: "jobs", Account: "1234", Region: "cn-nowhere", Endpoint: tc.endpoint, Insecure: tc.insecure,
			Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Unanswered(errors.New("connection refused")); fault.KindOf(err) != fault.Temporary || strings.Contains(err.Error(), cure) != tc.want {
			t.Errorf("endpoint=%s, insecure %v: %v, want the cure: %v", tc.endpoint, tc.insecure, err, tc.want)
		}
	}
}

func TestKindsOfErrors(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	for rule, want := range map[string]fault.Kind{
		"attributes:throttle:1":   fault.Throttled,
		"attributes:status:1:403": fault.Denied,
		"attributes:status:1:500": fault.Temporary,
		"attributes:status:1:503": fault.Temporary,
		"attributes:lost:1":       fault.Temporary,
		"attributes:reset:1":      fault.Temporary,
	} {
		r, err := chaos.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		s.Desk().Inject(r)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = q.Depth(ctx)
		cancel()
		if fault.KindOf(err) != want || want == fault.Throttled && fault.WaitOf(err) <= 0 {
			t.Errorf("%s: Depth = %v, waiting %v, want kind %s", rule, err, fault.WaitOf(err), want)
		}
	}
}

func TestWhatIsNotMNSIsSaidToBeSo(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"a proxy that asks for a password": {407, "<html>Who are you?</html>", fault.Invalid},
		"a proxy that forbids":             {403, "<html>No.</html>", fault.Denied},
		"a redirect":                       {302, "", fault.Unknown},
		"a page that says yes":             {200, "<html>Welcome</html>", fault.Temporary},
		"a code nobody knows":              {409, "<Error><Code>Odd</Code><Message>odd</Message></Error>", fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			q, err := mns.Open(mns.Config{
				Queue: "jobs", Account: "1", Region: "r", Endpoint: server.URL, Insecure: true,
				Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
			})
			if err != nil {
				t.Fatal(err)
			}
			q.Hasten()
			if _, err := q.Depth(t.Context()); fault.KindOf(err) != tc.kind {
				t.Errorf("Depth = %v, want kind %s", err, tc.kind)
			}
		})
	}
}

// TestThreeZerosAreAnUnknownDepth: "the values of ActiveMessages, InactiveMessages and
// DelayMessages will soon be 0" (GetQueueAttributes, 2026-01).
func TestThreeZerosAreAnUnknownDepth(t *testing.T) {
	for name, tc := range map[string]struct {
		zero  bool
		delay time.Duration
		sent  int
		want  queue.Depth
	}{
		"an empty queue":              {false, 0, 0, queue.Depth{Unknown: true}},
		"one message, told":           {false, 0, 1, queue.Depth{Ready: 1}},
		"one that waits, told":        {false, time.Hour, 1, queue.Depth{Delayed: 1}},
		"one message, told no longer": {true, 0, 1, queue.Depth{Unknown: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := stand.Start(stand.Config{AccessKeyID: "id", AccessKeySecret: "secret", ZeroCounts: tc.zero})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			q := open(t, s, "jobs", stand.Attributes{})
			for range tc.sent {
				if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x"), Delay: tc.delay}); err != nil {
					t.Fatal(err)
				}
			}
			if d, err := q.Depth(t.Context()); err != nil || d != tc.want {
				t.Errorf("Depth = %+v, %v, want %+v", d, err, tc.want)
			}
		})
	}
}
