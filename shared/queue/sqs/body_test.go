package sqs_test

import (
	"encoding/base64"
	"testing"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
)

func TestABodyOfTextTravelsAsItIs(t *testing.T) {
	const document = `{"v":1,"key":"图片/a<b>&\"]]>"}`
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	for name, tc := range map[string]struct{ body, text string }{
		"JSON":                    {document, document},
		"words":                   {"hello, world\n", "hello, world\n"},
		"base64 of a document":    {base64.StdEncoding.EncodeToString([]byte(document)), base64.StdEncoding.EncodeToString([]byte(document))},
		"what looks marked":       {"base64:AAAA", "base64:YmFzZTY0OkFBQUE="},
		"what begins like marked": {"base64: a code", "base64: a code"},
		"a control character":     {"a\x00b", "base64:YQBi"},
		"a return":                {"a\r\nb", "base64:YQ0KYg=="},
		"bytes that are no UTF-8": {"\xff", "base64:/w=="},
		"a character XML has not": {"\uffff", "base64:77+/"},
		"nothing":                 {"", "base64:"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(tc.body)}); err != nil {
					t.Fatal(err)
				}
			}
			past, err := s.Receive(t.Context(), "jobs", 1, 0) // past the driver
			if err != nil || len(past) != 1 || string(past[0].Body) != tc.text {
				t.Fatalf("%q travels as %+v, %v, want %q", tc.body, past, err, tc.text)
			}
			got, err := q.Receive(t.Context(), 1, 0)
			if err != nil || len(got) != 1 || string(got[0].Body) != tc.body {
				t.Fatalf("received %+v, %v, want %q", got, err, tc.body)
			}
			if err := s.Delete("jobs", past[0].Receipt); err != nil {
				t.Fatal(err)
			}
			if err := q.Delete(t.Context(), got[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func FuzzABodyArrivesAsItWas(f *testing.F) {
	for _, seed := range []string{"", "{}", "e30=", "base64:", "base64:e30=", "a\rb", "\xff\x00"} {
		f.Add([]byte(seed))
	}
	s, err := stand.Start(stand.Config{AccessKeyID: "id", SecretAccessKey: "secret"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	if err := s.CreateQueue("jobs", stand.Attributes{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q := reopen(t, s, "jobs")
		if len(body) > queue.MaxBody {
			t.Skip("no message takes it")
		}
		if err := q.Send(t.Context(), queue.Outgoing{Body: body}); err != nil {
			t.Fatal(err)
		}
		got, err := q.Receive(t.Context(), 1, 0)
		if err != nil || len(got) != 1 || string(got[0].Body) != string(body) {
			t.Fatalf("received %+v, %v, want %q", got, err, body)
		}
		if err := q.Delete(t.Context(), got[0]); err != nil {
			t.Fatal(err)
		}
	})
}
