package mns_test

import (
	"slices"
	"testing"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/ram"
)

func TestAQueueObeysAPolicy(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("q", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	p, err := ram.Parse([]byte(`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["mns:SendMessage", "mns:BatchReceiveMessage"], "Resource": "acs:mns:*:*:/queues/q/messages"}]}`))
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
		{"a batch received", "GET", "/queues/q/messages?numOfMessages=16", "", 200, ""},
		{"one received", "GET", "/queues/q/messages", "", 403, "AccessDenied"},
		{"attributes", "GET", "/queues/q", "", 403, "AccessDenied"},
		{"another queue", "POST", "/queues/other/messages", one, 403, "AccessDenied"},
	} {
		if status, r := ask(t, s, tc.method, tc.resource, tc.body, map[string]string{sdk.CONTENT_TYPE: "text/xml"}); status != tc.status || r.Code != tc.code {
			t.Errorf("%s: %d %q, want %d %q", tc.name, status, r.Code, tc.status, tc.code)
		}
	}
	want := []string{
		"mns:BatchSendMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:GetQueueAttributes on acs:mns:cn-hangzhou:1234567890123456:/queues/q",
		"mns:ReceiveMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages",
		"mns:SendMessage on acs:mns:cn-hangzhou:1234567890123456:/queues/other/messages",
	}
	if got := p.Denied(); !slices.Equal(got, want) {
		t.Errorf("denied %q, want %q", got, want)
	}
}
