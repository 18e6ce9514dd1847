package mns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/remote/remotetest"
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
		{"127.0.0.1:1", true, "http://127.0.0.1:1"},
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
			remotetest.Endpoint(t, q, err, tc.want)
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
