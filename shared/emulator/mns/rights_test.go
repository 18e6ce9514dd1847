package mns_test

import (
	"slices"
	"testing"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/ram"
)

// TestAQueueObeysAPolicy holds that a batch takes both actions: MNS's table of rights names
// that of one message, the pages of the batch operations one of their own.
func TestAQueueObeysAPolicy(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("q", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	p, err := ram.Parse([]byte(`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["mns:SendMessage", "mns:ReceiveMessage", "mns:BatchPeekMessage", "mns:DeleteMessage"], "Resource": "acs:mns:*:*:/queues/q/messages"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.AddCredential(mns.Credential{ID: "id", Secret: "secret", Policy: p})
	const one = `<Message><MessageBody>x</MessageBody></Message>`
	for _, tc := range []struct {
		name, method, resource, body string
		status                       int
		code                         string
	}{
		{"one message", "POST", "/queues/q/messages", one, 201, ""},
		{"a batch", "POST", "/queues/q/messages", `<Messages>` + one + `</Messages>`, 403, "AccessDenied"},
		{"one received", "GET", "/queues/q/messages", "", 200, ""},
		{"a batch received", "GET", "/queues/q/messages?numOfMessages=16", "", 403, "AccessDenied"},
		{"a batch looked at", "GET", "/queues/q/messages?numOfMessages=16&peekonly=true", "", 403, "AccessDenied"},
		{"a batch deleted", "DELETE", "/queues/q/messages", "<ReceiptHandles><ReceiptHandle>x</ReceiptHandle></ReceiptHandles>", 403, "AccessDenied"},
		{"attributes", "GET", "/queues/q", "", 403, "AccessDenied"},
		{"another queue", "POST", "/queues/other/messages", one, 403, "AccessDenied"},
	} {
		if status, r := ask(t, s, tc.method, tc.resource, tc.body, map[string]string{sdk.CONTENT_TYPE: "text/xml"}); status != tc.status || r.Code != tc.code {
			t.Errorf("%s: %d %q, want %d %q", tc.name, status, r.Code, tc.status, tc.code)
		}
	}
	want := []string{
		"mns:BatchDeleteMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:BatchReceiveMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:BatchSendMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:GetQueueAttributes on acs:mns:cn-hangzhou:1234567890123456:/queues/q",
		"mns:PeekMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:SendMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/other/messages",
	}
	if got := p.Denied(); !slices.Equal(got, want) {
		t.Errorf("denied %q, want %q", got, want)
	}
}
