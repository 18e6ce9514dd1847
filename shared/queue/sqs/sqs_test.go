package sqs_test

import (
	"strings"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/remote/remotetest"
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
		"insecure names it":     {"eu-central-1", "127.0.0.1:1", true, "http://127.0.0.1:1"},
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
			remotetest.Endpoint(t, q, err, tc.want)
		})
	}
}
