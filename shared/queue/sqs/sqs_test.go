package sqs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/sqs"
)

func TestOpenNamesEveryMistake(t *testing.T) {
	_, err := sqs.Open(sqs.Config{Account: "a.b"})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("Open = %v, want it invalid", err)
	}
	for _, want := range []string{`"" is no queue`, `"a.b" is no account`, `"" is no region`, "no credentials"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want it to say %q", err, want)
		}
	}
}

func TestCheckNamesTheThingAndTheCure(t *testing.T) {
	s := start(t, nil)
	open(t, s, "jobs", stand.Attributes{})
	s.AddCredential(stand.Credential{ID: "old", Secret: "s", Token: "t", Expires: time.Now().Add(-time.Hour)})
	keys := func(id, secret, token string) func(*sqs.Config) {
		return func(c *sqs.Config) {
			c.Credentials = func() sqs.Credentials {
				return sqs.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
			}
		}
	}
	for name, tc := range map[string]struct {
		set  func(*sqs.Config)
		kind fault.Kind
		says string
	}{
		"all is well": {func(*sqs.Config) {}, "", ""},
		"no key":      {keys("", "", ""), fault.Denied, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		"a forbidden": {func(*sqs.Config) {
			s.Desk().Inject(chaos.Rule{Op: "attributes", Kind: chaos.Status, Status: 403, Rate: 1, Limit: 1})
		}, fault.Denied, "sqs:ChangeMessageVisibility"},
		"no such queue": {func(c *sqs.Config) { c.Queue = "jbos" }, fault.NotFound, `queue "jbos" does not exist`},
		"unknown key":   {keys("nobody", "s", ""), fault.Denied, "AWS_ACCESS_KEY_ID"},
		"wrong secret":  {keys("id", "s", ""), fault.Denied, "AWS_SECRET_ACCESS_KEY"},
		"expired token": {keys("old", "s", "t"), fault.Denied, "AWS_SESSION_TOKEN"},
		"nobody there":  {func(c *sqs.Config) { c.Endpoint = "http://127.0.0.1:1" }, fault.Temporary, "127.0.0.1:1 cannot be reached: check region="},
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
	var keys sqs.Credentials
	q := open(t, s, "jobs", stand.Attributes{}, func(c *sqs.Config) {
		c.Credentials = func() sqs.Credentials { return keys }
	})
	for _, step := range []struct {
		keys sqs.Credentials
		want fault.Kind
	}{
		{sqs.Credentials{AccessKeyID: "nobody", SecretAccessKey: "secret"}, fault.Denied},
		{sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, ""},
		{sqs.Credentials{AccessKeyID: "role", SecretAccessKey: "s"}, fault.Denied},
		{sqs.Credentials{AccessKeyID: "role", SecretAccessKey: "s", SessionToken: "t"}, ""},
		{sqs.Credentials{}, fault.Denied},
	} {
		keys = step.keys
		if _, err := q.Depth(t.Context()); fault.KindOf(err) != step.want {
			t.Errorf("Depth with key %q = %v, want kind %q", keys.AccessKeyID, err, step.want)
		}
	}
}

// TestAClockThatIsWrongIsForgivenOnce sets the service's clock, which is as
// good as ours. The first request is refused; by its answer the SDK learns the
// difference, and signs the second by the service's time.
func TestAClockThatIsWrongIsForgivenOnce(t *testing.T) {
	s := startSigned(t, func() time.Time { return time.Now().Add(time.Hour) })
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}); err != nil {
		t.Errorf("Send = %v, want no error", err)
	}
	if n := s.Desk().Counts()["send"]; n != 2 {
		t.Errorf("%d requests, want 2: one refused, one with the service's time", n)
	}
}

// startSigned starts a stand-in whose clock for signatures is now.
func startSigned(t *testing.T, now func() time.Time) *stand.Server {
	t.Helper()
	s, err := stand.Start(stand.Config{AccessKeyID: "id", SecretAccessKey: "secret", SignedBy: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTheClockIsToBlameForARefusedTime(t *testing.T) {
	jumps := 0
	s := startSigned(t, func() time.Time { // never where it was the last time
		jumps++
		return time.Now().Add(time.Duration(jumps) * time.Hour)
	})
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	if err := q.Check(t.Context()); fault.KindOf(err) != fault.Temporary || !strings.Contains(err.Error(), "set this machine's clock") {
		t.Errorf("Check = %v, want it temporary and about the clock", err)
	}
}

func TestAnEndpointIsWrittenInThreeWays(t *testing.T) {
	for name, tc := range map[string]struct {
		region, endpoint string
		insecure         bool
		want             string // where requests go, or what Open says
	}{
		"the region's own":      {"eu-central-1", "", false, "https://sqs.eu-central-1.amazonaws.com"},
		"one in China":          {"cn-north-1", "", false, "https://sqs.cn-north-1.amazonaws.com.cn"},
		"a host":                {"eu-central-1", "vpce-1.sqs.eu-central-1.vpce.amazonaws.com", false, "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com"},
		"a URL":                 {"eu-central-1", "https://127.0.0.1:1/", false, "https://127.0.0.1:1"},
		"plain http, meant":     {"eu-central-1", "http://127.0.0.1:1", true, "http://127.0.0.1:1"},
		"plain http, not meant": {"eu-central-1", "http://localhost", false, "add insecure=true"},
		"credentials":           {"eu-central-1", "https://me:pass@host", false, "the endpoint is no host"},
		"a path":                {"eu-central-1", "https://host/with/paths", false, "the endpoint is no host"},
		"another scheme":        {"eu-central-1", "ftp://host", true, "the endpoint is no host"},
		"no region":             {"Frankfurt", "", false, "is no region"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := sqs.Open(sqs.Config{
				Queue: "jobs", Account: "123456789012", Region: tc.region, Endpoint: tc.endpoint, Insecure: tc.insecure,
				Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
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

func TestWhatIsNotSQSIsSaidToBeSo(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"a proxy that asks for a password": {407, "<html>Who are you?</html>", fault.Invalid},
		"a proxy that forbids":             {403, "<html>No.</html>", fault.Denied},
		"a redirect":                       {302, "", fault.Unknown},
		"a page that says yes":             {200, "<html>Welcome</html>", fault.Temporary},
		"a code nobody knows":              {409, `{"__type":"Odd","message":"odd"}`, fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			q, err := sqs.Open(sqs.Config{
				Queue: "jobs", Account: "123456789012", Region: "eu-central-1", Endpoint: server.URL, Insecure: true,
				Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
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
