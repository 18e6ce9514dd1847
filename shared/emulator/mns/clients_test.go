package mns_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/mns"
)

// TestAReceiptIsTakenAsItIsOrEscaped: the pages of DeleteMessage and
// ChangeMessageVisibility show receipts of base64 as they are, with a raw +, and two npm
// clients send them so; the Go SDK v1.0.6 escapes them (queue.go, url.QueryEscape).
func TestAReceiptIsTakenAsItIsOrEscaped(t *testing.T) {
	const messages = "/queues/q/messages"
	for name, write := range map[string]func(string) string{
		"as it is":                func(r string) string { return r },
		"escaped":                 url.QueryEscape,
		"but for its + escaped":   func(r string) string { return strings.ReplaceAll(url.QueryEscape(r), "%2B", "+") },
		"as a browser escapes it": func(r string) string { return strings.ReplaceAll(r, "=", "%3D") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if err := s.CreateQueue("q", mns.Attributes{}); err != nil {
				t.Fatal(err)
			}
			plus := 0
			for range 16 {
				if err := s.Send("q", []byte("x"), 0); err != nil {
					t.Fatal(err)
				}
				got, err := s.Receive(t.Context(), "q", 1, 0)
				if err != nil || len(got) != 1 {
					t.Fatal(got, err)
				}
				if strings.Contains(got[0].Receipt, "+") {
					plus++
				}
				if status, r := ask(t, s, "DELETE", messages+"?ReceiptHandle="+write(got[0].Receipt), "", nil); status != 204 {
					t.Errorf("a delete of %s: %d %s", got[0].Receipt, status, r.Code)
				}
			}
			if err := s.Send("q", []byte("x"), 0); err != nil {
				t.Fatal(err)
			}
			got, err := s.Receive(t.Context(), "q", 1, 0)
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			if status, r := ask(t, s, "PUT", messages+"?receiptHandle="+write(got[0].Receipt)+"&visibilityTimeout=5", "", nil); status != 200 {
				t.Errorf("a change of visibility: %d %s", status, r.Code)
			}
			if plus == 0 {
				t.Error("no receipt had a +: this proves nothing")
			}
		})
	}
}

// TestElementsThatNothingReadsAreRefused: a fifo queue and properties of a message (names of
// the OpenAPI's CreateQueue and SendMessage) would otherwise be lost in silence.
func TestElementsThatNothingReadsAreRefused(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("q", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		method, resource, body string
		status                 int
		code                   string
	}{
		"a fifo queue":                  {"PUT", "/queues/f", "<Queue><QueueType>fifo</QueueType></Queue>", 501, "NotImplemented"},
		"a queue turned fifo":           {"PUT", "/queues/q?metaoverride=true", "<Queue><QueueType>fifo</QueueType></Queue>", 501, "NotImplemented"},
		"a message of a group":          {"POST", "/queues/q/messages", "<Message><MessageBody>x</MessageBody><MessageGroupId>g</MessageGroupId></Message>", 501, "NotImplemented"},
		"a batch, one with a property":  {"POST", "/queues/q/messages", "<Messages><Message><MessageBody>x</MessageBody><UserProperties/></Message></Messages>", 500, "NotImplemented"},
		"an override in capitals":       {"PUT", "/queues/q?metaoverride=TRUE", "<Queue><VisibilityTimeout>7</VisibilityTimeout></Queue>", 204, ""},
		"an override that is no switch": {"PUT", "/queues/q?metaoverride=1", "<Queue><VisibilityTimeout>7</VisibilityTimeout></Queue>", 400, "InvalidArgument"},
		"a peek that is no switch":      {"GET", "/queues/q/messages?peekonly=yes", "", 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := request(t, s, tc.method, tc.resource, tc.body, nil); status != tc.status || !strings.Contains(string(answer), tc.code) {
				t.Errorf("%d %s, want %d %s", status, answer, tc.status, tc.code)
			}
		})
	}
	if d, err := s.Depth("q"); err != nil || d != (mns.Depth{}) {
		t.Errorf("%+v in the queue, %v, want nothing", d, err)
	}
}

// TestCountsMayBeZeroForAQueueThatIsNotEmpty (MNS page 35131, 2026-01: GetQueueAttributes
// will answer 0 for ActiveMessages, InactiveMessages and DelayMessages).
func TestCountsMayBeZeroForAQueueThatIsNotEmpty(t *testing.T) {
	for name, zero := range map[string]bool{"as it is": false, "as announced": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *mns.Config) { c.ZeroCounts = zero })
			if err := s.CreateQueue("q", mns.Attributes{}); err != nil {
				t.Fatal(err)
			}
			for _, delay := range []time.Duration{0, 0, time.Hour} {
				if err := s.Send("q", []byte("x"), delay); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Receive(t.Context(), "q", 1, 0); err != nil {
				t.Fatal(err)
			}
			_, one := request(t, s, "GET", "/queues/q", "", nil)
			_, listed := request(t, s, "GET", "/queues", "", map[string]string{"x-mns-with-meta": "true"})
			want := "<ActiveMessages>1</ActiveMessages><InactiveMessages>1</InactiveMessages><DelayMessages>1</DelayMessages>"
			if zero {
				want = strings.ReplaceAll(want, ">1<", ">0<")
			}
			if !strings.Contains(string(one), want) || !strings.Contains(string(listed), want) {
				t.Errorf("%s, and listed %s, want %s", one, listed, want)
			}
			if d, err := s.Depth("q"); err != nil || d != (mns.Depth{Ready: 1, InFlight: 1, Delayed: 1}) {
				t.Errorf("the queue holds %+v, %v, want one of each", d, err)
			}
		})
	}
}
