package mns_test

import (
	"encoding/base64"
	"strings"
	"testing"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// onlyBody receives one message past the driver and deletes it.
func onlyBody(t *testing.T, s *stand.Server) string {
	t.Helper()
	got, err := s.Receive(t.Context(), "jobs", 16, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("received %d messages, %v, want 1", len(got), err)
	}
	if err := s.Delete("jobs", got[0].Receipt); err != nil {
		t.Fatal(err)
	}
	return string(got[0].Body)
}

func TestABodyOfTextTravelsAsItIs(t *testing.T) {
	const document = `{"v":1,"key":"图片/a<b>&\"]]>"}`
	coded := base64.StdEncoding.EncodeToString([]byte(document))
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	for name, tc := range map[string]struct{ body, text string }{
		"JSON":                        {document, document},
		"words":                       {"hello, world\n", "hello, world\n"},
		"letters that could be coded": {"test1234", "test1234"},
		"base64 of a document":        {coded, "base64:" + base64.StdEncoding.EncodeToString([]byte(coded))},
		"what looks marked":           {"base64:AAAA", "base64:" + base64.StdEncoding.EncodeToString([]byte("base64:AAAA"))},
		"what begins like marked":     {"base64: a code", "base64: a code"},
		"a control character":         {"a\x00b", "base64:YQBi"},
		"a return":                    {"a\r\nb", "base64:YQ0KYg=="},
		"bytes that are no UTF-8":     {"\xff", "base64:/w=="},
		"a character XML has not":     {"\uffff", "base64:77+/"},
		"nothing":                     {"", "base64:"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(tc.body)}); err != nil {
				t.Fatal(err)
			}
			if text := onlyBody(t, s); text != tc.text {
				t.Errorf("%q travels as %q, want %q", tc.body, text, tc.text)
			}
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(tc.body)}); err != nil {
				t.Fatal(err)
			}
			got, err := q.Receive(t.Context(), 1, 0)
			if err != nil || len(got) != 1 || string(got[0].Body) != tc.body {
				t.Fatalf("received %+v, %v, want %q", got, err, tc.body)
			}
			if err := q.Delete(t.Context(), got[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestWhatOthersSendIsUnderstood(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	coded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tc := range map[string]struct{ text, body string }{
		"a document":                  {`{"v":1}`, `{"v":1}`},
		"a document in base64":        {coded(`{"v":1}`), `{"v":1}`},
		"an array in base64":          {coded(` [1,2]`), ` [1,2]`},
		"after every kind of space":   {coded("\n\t {}"), "\n\t {}"},
		"after a return":              {coded("\r\n{}"), "\r\n{}"},
		"words in base64":             {coded("hello world!"), coded("hello world!")},
		"letters that could be coded": {"test1234", "test1234"},
		"half a document in base64":   {coded(`{"v":`), coded(`{"v":`)},
		"twice in base64":             {coded(coded(`{"v":1}`)), coded(coded(`{"v":1}`))},
		"marked, yet not coded":       {"base64:?", "base64:?"},
		"marked and coded":            {"base64:AAE=", "\x00\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Send("jobs", []byte(tc.text), 0); err != nil {
				t.Fatal(err)
			}
			got, err := q.Receive(t.Context(), 1, 0)
			if err != nil || len(got) != 1 || string(got[0].Body) != tc.body {
				t.Fatalf("received %+v, %v, want %q", got, err, tc.body)
			}
			if err := q.Delete(t.Context(), got[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestABodyThatIsTooLongInBase64IsInvalid(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	const most = 49_146 // bytes, of which base64 and its mark fit 64 KiB
	if err := q.Send(t.Context(), queue.Outgoing{Body: make([]byte, most)}); err != nil {
		t.Errorf("Send of %d zeros = %v, want no error", most, err)
	}
	err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}, queue.Outgoing{Body: make([]byte, most+1)})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "49146") {
		t.Errorf("Send of %d zeros = %v, want it invalid, with the limit", most+1, err)
	}
	if n := s.Desk().Counts()["send"]; n != 1 {
		t.Errorf("%d requests, want 1: none of an invalid batch is sent", n)
	}
}

func FuzzABodyArrivesAsItWas(f *testing.F) {
	for _, seed := range []string{"", "{}", "e30=", "base64:", "base64:e30=", "a\rb", "\xff\x00", "ZXlKMklqb3hmUT09"} {
		f.Add([]byte(seed))
	}
	s, err := stand.Start(stand.Config{AccessKeyID: "id", AccessKeySecret: "secret"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	if err := s.CreateQueue("jobs", stand.Attributes{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q := reopen(t, s, "jobs")
		if len(body) > 40_000 {
			t.Skip("long bodies have a test of their own")
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
