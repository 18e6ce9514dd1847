package sqs_test

import (
	"strings"
	"testing"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
)

// TestLongAnswersArriveWhole receives 100 KB at a time. The SDK alone loses some
// of such answers, and their messages until these are visible again.
func TestLongAnswersArriveWhole(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	out := make([]queue.Outgoing, 10)
	for i := range out {
		out[i].Body = []byte(strings.Repeat("x", 10_000))
	}
	if err := q.Send(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		got, err := q.Receive(t.Context(), 10, 0)
		if err != nil || len(got) != 10 {
			t.Fatalf("received %d messages, %v, want all 10", len(got), err)
		}
		if err := s.Show("jobs"); err != nil {
			t.Fatal(err)
		}
	}
}
