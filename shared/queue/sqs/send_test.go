package sqs_test

import (
	"strings"
	"testing"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
)

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
