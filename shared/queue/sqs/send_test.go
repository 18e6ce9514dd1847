package sqs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/sqs"
)

func TestAMessageIsSentAgainUntilItIsTaken(t *testing.T) {
	for name, rule := range map[string]chaos.Rule{
		"lost answers": {Op: "send", Kind: chaos.Lost, Rate: 1, Limit: 2},
		"cut answers":  {Op: "send", Kind: chaos.Reset, Rate: 1, Limit: 2},
		"errors":       {Op: "send", Kind: chaos.Status, Rate: 1, Status: 503, Limit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			q := open(t, s, "jobs", stand.Attributes{})
			q.Hasten()
			s.Desk().Inject(rule)
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}, queue.Outgoing{Body: []byte("b")}); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			got, err := q.Receive(t.Context(), 16, 0)
			for _, m := range got {
				seen[string(m.Body)] = true
			}
			if err != nil || !seen["a"] || !seen["b"] {
				t.Errorf("received %+v, %v, want both", got, err)
			}
		})
	}
}

func TestAThrottledSendWaitsAndThenSends(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	s.Desk().Inject(chaos.Rule{Op: "send", Kind: chaos.Throttle, Rate: 1, Limit: 1})
	begun := time.Now()
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 500*time.Millisecond {
		t.Errorf("sent again after %v, want half a second at least: the limit is one a second", took)
	}
	if n := s.Desk().Counts()["send"]; n != 2 {
		t.Errorf("%d requests, want 2: one throttled, one taken", n)
	}
}

func TestABatchIsCutToWhatOneRequestTakes(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	for name, tc := range map[string]struct{ messages, size, requests int }{
		"ten at a time":               {40, 10, 4},
		"256 KiB at a time":           {12, queue.MaxBody, 3},
		"what grows in base64 counts": {4, -queue.MaxBody, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s.Desk().Reset()
			var out []queue.Outgoing
			for range tc.messages {
				body := []byte(strings.Repeat("x", max(tc.size, 0)))
				if tc.size < 0 {
					body = make([]byte, -tc.size) // zeros, which no text has
				}
				out = append(out, queue.Outgoing{Body: body})
			}
			if err := q.Send(t.Context(), out...); err != nil {
				t.Fatal(err)
			}
			if n := s.Desk().Counts()["send"]; n != int64(tc.requests) {
				t.Errorf("%d requests for %d messages of %d bytes, want %d", n, tc.messages, tc.size, tc.requests)
			}
			seen := 0
			for {
				got, err := s.Receive(t.Context(), "jobs", 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) == 0 {
					break
				}
				seen += len(got)
			}
			if seen != tc.messages {
				t.Errorf("%d messages arrived, want %d", seen, tc.messages)
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	s, err := stand.Start(stand.Config{AccessKeyID: "id", SecretAccessKey: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("jobs", stand.Attributes{}); err != nil {
		b.Fatal(err)
	}
	q, err := sqs.Open(sqs.Config{
		Queue: "jobs", Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
	})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]queue.Outgoing, 10)
	for i := range out {
		out[i].Body = []byte(`{"v":1,"kind":"copy","run":"photos/20260101T000000Z","shard":"0","batch":"0-abcdefgh","first":"a","last":"b"}`)
	}
	for b.Loop() {
		if err := q.Send(b.Context(), out...); err != nil {
			b.Fatal(err)
		}
	}
}

// numbers are messages with the numbers below n.
func numbers(n int) []queue.Outgoing {
	out := make([]queue.Outgoing, n)
	for i := range out {
		out[i].Body = fmt.Append(nil, i)
	}
	return out
}

func TestWhatABatchDidNotTakeIsSentAgain(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	s.Misbehave(stand.Misbehaviour{Refuse: 0.1})
	const n = 200
	if err := q.Send(t.Context(), numbers(n)...); err != nil {
		t.Fatal(err)
	}
	if s.Injected().Refused == 0 {
		t.Error("nothing was refused: the test shows nothing")
	}
	seen := map[string]int{}
	for {
		got, err := q.Receive(t.Context(), 16, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			break
		}
		for _, m := range got {
			seen[string(m.Body)]++
		}
	}
	for body, times := range seen {
		if times != 1 {
			t.Errorf("message %s was sent %d times, want once: its answer was not lost", body, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d messages arrived, want %d", len(seen), n)
	}
}

func TestSendGivesUpAndSaysHowManyWereNotSent(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{})
	q.Hasten()
	s.Misbehave(stand.Misbehaviour{Refuse: 1})
	err := q.Send(t.Context(), numbers(40)...)
	if fault.KindOf(err) != fault.Temporary || !strings.Contains(err.Error(), "40 of 40 messages not sent") {
		t.Errorf("Send = %v, want it temporary, with all 40 not sent", err)
	}
	if n := s.Desk().Counts()["send"]; n != 6 {
		t.Errorf("%d requests, want 6 tries and then no other batch", n)
	}
}

func TestWhatIsRefusedForGoodKeepsTheRestFromNothing(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{MaxSize: 1024})
	q.Hasten()
	err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}, queue.Outgoing{Body: []byte(strings.Repeat("x", 2000))}, queue.Outgoing{Body: []byte("b")})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "1 of 3 messages not sent") {
		t.Errorf("Send with a message that the queue does not take = %v, want it invalid, with 1 of 3 not sent", err)
	}
	if d, err := s.Depth("jobs"); err != nil || d.Ready != 2 {
		t.Errorf("depth %+v, %v, want the other two", d, err)
	}
	if n := s.Desk().Counts()["send"]; n != 1 {
		t.Errorf("%d requests, want 1: the rest was taken at once", n)
	}
}

func TestWhatIsRefusedForGoodStopsNoOtherTry(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{MaxSize: 1024})
	q.Hasten()
	s.Misbehave(stand.Misbehaviour{Refuse: 0.3})
	out := append(numbers(9), queue.Outgoing{Body: []byte(strings.Repeat("x", 2000))})
	if err := q.Send(t.Context(), out...); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "1 of 10 messages not sent") {
		t.Errorf("Send = %v, want it invalid, with 1 of 10 not sent", err)
	}
	if d, err := s.Depth("jobs"); err != nil || d.Ready != 9 || s.Injected().Refused == 0 {
		t.Errorf("depth %+v, %v after %d were refused for a while, want the other 9", d, err, s.Injected().Refused)
	}
}

func TestASendToNoQueueIsNotTriedAgain(t *testing.T) {
	s := start(t, nil)
	q := reopen(t, s, "none")
	if err := q.Send(t.Context(), numbers(2)...); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Send to a queue that does not exist = %v, want kind %s", err, fault.NotFound)
	}
	if n := s.Desk().Counts()["send"]; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
