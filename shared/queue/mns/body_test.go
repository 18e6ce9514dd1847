package mns_test

import (
	"encoding/base64"
	"strings"
	"testing"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

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
