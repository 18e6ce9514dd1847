package sqs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/sqs"
)

// TestWhatTheQueueRefusedForAWhileIsTold: which message, and why, whether one of a batch or
// one alone, and not a word where all are taken.
func TestWhatTheQueueRefusedForAWhileIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		messages int
		refuse   float64
	}{
		"some of a batch": {16, 0.2}, "one alone": {1, 0.6}, "none": {16, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			var told bytes.Buffer
			q := open(t, s, "jobs", stand.Attributes{}, func(c *sqs.Config) { c.Log = slog.New(slog.NewJSONHandler(&told, nil)) })
			q.Hasten()
			var sent []queue.Outgoing
			for i := range tc.messages {
				sent = append(sent, queue.Outgoing{Body: fmt.Appendf(nil, "task-%d-%s", i, strings.Repeat("x", 300))})
			}
			for range 20 { // until some are refused
				s.Misbehave(stand.Misbehaviour{Refuse: tc.refuse})
				if err := q.Send(t.Context(), sent...); err != nil && tc.refuse == 0 {
					t.Fatal(err)
				}
				if told.Len() > 0 {
					break
				}
			}
			if tc.refuse == 0 {
				if told.Len() > 0 {
					t.Errorf("all were taken, and told is %s", told.String())
				}
				return
			}
			line, _, _ := strings.Cut(told.String(), "\n")
			var e struct {
				Level, Msg, Queue, Err string
				Messages               int
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("told %q: %v", line, err)
			}
			if e.Level != "WARN" || e.Queue != "jobs" || e.Messages < 1 || !strings.Contains(e.Err, "message task-") || !strings.Contains(e.Err, "Internal") || strings.Count(e.Err, "message task-") != e.Messages {
				t.Errorf("told %s, want a warning with the queue, each message and why", line)
			}
			if len(e.Err) > e.Messages*500 {
				t.Errorf("%d bytes are told of %d messages, want their beginnings alone", len(e.Err), e.Messages)
			}
		})
	}
}

// TestAnErrorNamesTheMessageThatWasRefused for good, besides how many were not sent.
func TestAnErrorNamesTheMessageThatWasRefused(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{MaxSize: 1024})
	q.Hasten()
	err := q.Send(t.Context(), queue.Outgoing{Body: []byte("good")}, queue.Outgoing{Body: []byte("bad-" + strings.Repeat("x", 2000))})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "1 of 2 messages not sent: message bad-xxx") || len(err.Error()) > 600 {
		t.Errorf("Send = %v, want it to name the message by its beginning", err)
	}
}
