package mns_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/valyala/fasthttp"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/opentest"
)

// loopback leads the SDK, which takes none but MNS's own hosts, to a stand-in.
type loopback struct{ client *fasthttp.HostClient }

func (l loopback) RoundTrip(_ *fasthttp.HostClient, req *fasthttp.Request, resp *fasthttp.Response) (bool, error) {
	return false, l.client.Do(req, resp)
}

func start(t *testing.T, change ...func(*mns.Config)) *mns.Server {
	t.Helper()
	return opentest.Start(t, mns.Start, mns.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1}, change...)
}

func client(s *mns.Server, id, secret, token string) sdk.MNSClient {
	c := sdk.NewAliMNSClientWithConfig(sdk.AliMNSClientConfig{
		EndPoint: fmt.Sprintf("http://%s.mns.%s.aliyuncs.com", s.Account(), s.Region()), AccessKeyId: id, AccessKeySecret: secret, Token: token,
	})
	addr := strings.TrimPrefix(s.Endpoint(), "http://")
	c.SetTransport(loopback{&fasthttp.HostClient{Addr: addr, Dial: func(string) (net.Conn, error) { return net.Dial("tcp", addr) }}})
	return c
}

// queueOf makes the queue "jobs" and returns the SDK's view of it.
func queueOf(t *testing.T, s *mns.Server, a mns.Attributes) sdk.AliMNSQueue {
	t.Helper()
	if err := s.CreateQueue("jobs", a); err != nil {
		t.Fatal(err)
	}
	return sdk.NewMNSQueue("jobs", client(s, "id", "secret", ""))
}

// received waits for the one answer that the SDK puts on its channels.
func received[T any](t *testing.T, ask func(chan T, chan error)) (T, error) {
	t.Helper()
	got, failed := make(chan T, 1), make(chan error, 1)
	go ask(got, failed)
	select {
	case v := <-got:
		return v, nil
	case err := <-failed:
		var none T
		return none, err
	case <-time.After(20 * time.Second):
		t.Fatal("the SDK did not answer within 20 s")
		panic("unreachable")
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "code: "+code+",") {
		t.Errorf("%s = %v, want the service's %s", what, err, code)
	}
}

func TestTheSDKManagesQueues(t *testing.T) {
	s := start(t)
	m := sdk.NewMNSQueueManager(client(s, "id", "secret", ""))
	if err := m.CreateSimpleQueue("jobs"); err != nil {
		t.Fatal(err)
	}
	if err := m.CreateQueue("jobs", 0, 65536, 345600, 30, 0, 2); err == nil || !strings.Contains(err.Error(), "same") {
		t.Errorf("created alike = %v, want the SDK to say that it exists", err)
	}
	wantCode(t, "created otherwise", m.CreateQueue("jobs", 5, 65536, 345600, 30, 0, 2), "QueueAlreadyExist")
	wantCode(t, "a name with a slash's cousin", m.CreateSimpleQueue("no_underscores"), "InvalidQueueName")
	if err := m.SetQueueAttributes("jobs", 1, 2048, 3600, 77, 3, 2); err != nil {
		t.Fatal(err)
	}
	a, err := m.GetQueueAttributes("jobs")
	if err != nil || a.QueueName != "jobs" || a.DelaySeconds != 1 || a.MaxMessageSize != 2048 || a.MessageRetentionPeriod != 3600 || a.VisibilityTimeout != 77 || a.PollingWaitSeconds != 3 || a.CreateTime == 0 {
		t.Errorf("attributes = %+v, %v, want what was set", a, err)
	}
	for _, name := range []string{"jobs-2", "jobs-3", "other"} {
		if err := m.CreateSimpleQueue(name); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for marker := ""; ; {
		page, err := m.ListQueue(marker, 2, "jobs")
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range page.Queues {
			names = append(names, q.QueueURL[strings.LastIndexByte(q.QueueURL, '/')+1:])
		}
		if marker = page.NextMarker; marker == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "jobs jobs-2 jobs-3" {
		t.Errorf("listed %q, want the three that begin with jobs", got)
	}
	if err := s.Send("other", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if details, err := m.ListQueueDetail("", 10, "other"); err != nil || len(details.Attrs) != 1 || details.Attrs[0].VisibilityTimeout != 30 || details.Attrs[0].ActiveMessages != 1 {
		t.Errorf("details = %+v, %v, want one with the service's visibility of 30 s and a message", details, err)
	}
	if err := m.DeleteQueue("jobs"); err != nil {
		t.Fatal(err)
	}
	_, err = m.GetQueueAttributes("jobs")
	wantCode(t, "attributes of a deleted queue", err, "QueueNotExist")
	wantCode(t, "new attributes of a deleted queue", m.SetQueueAttributes("jobs", 0, 65536, 3600, 30, 0, 2), "QueueNotExist")
	wantCode(t, "a name that is too long", m.CreateSimpleQueue(strings.Repeat("x", 121)), "QueueNameLengthError")
	wantCode(t, "a body size below 1 KiB", m.CreateQueue("small", 0, 1023, 345600, 30, 0, 2), "InvalidArgument")
}

func TestEveryOperationNeedsAQueue(t *testing.T) {
	q := sdk.NewMNSQueue("none", client(start(t), "id", "secret", ""))
	_, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: "x"})
	wantCode(t, "send", err, "QueueNotExist")
	_, err = received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.ReceiveMessage(got, failed) })
	wantCode(t, "receive", err, "QueueNotExist")
	_, err = received(t, func(got chan sdk.MessageReceiveResponse, failed chan error) { q.PeekMessage(got, failed) })
	wantCode(t, "peek", err, "QueueNotExist")
	_, err = q.ChangeMessageVisibility("x", 1)
	wantCode(t, "change visibility", err, "QueueNotExist")
	wantCode(t, "delete", q.DeleteMessage("x"), "QueueNotExist")
}

func TestWhoMayAsk(t *testing.T) {
	s := start(t)
	s.AddCredential(mns.Credential{ID: "sts", Secret: "s", Token: "t", Expires: time.Now().Add(time.Hour)})
	s.AddCredential(mns.Credential{ID: "old", Secret: "s", Token: "t", Expires: time.Now().Add(-time.Hour)})
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ id, secret, token, code string }{
		"right":           {"id", "secret", "", ""},
		"unknown":         {"nobody", "secret", "", "InvalidAccessKeyId"},
		"wrong secret":    {"id", "Secret", "", "SignatureDoesNotMatch"},
		"with its token":  {"sts", "s", "t", ""},
		"another's token": {"sts", "s", "x", "InvalidSecurityToken"},
		"expired":         {"old", "s", "t", "SecurityTokenExpired"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdk.NewMNSQueueManager(client(s, tc.id, tc.secret, tc.token)).GetQueueAttributes("jobs")
			if tc.code == "" && err != nil {
				t.Errorf("got %v, want no error", err)
			}
			if tc.code != "" {
				wantCode(t, "the request", err, tc.code)
			}
		})
	}
}
