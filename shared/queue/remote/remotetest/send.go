package remotetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/fault"
)

// numbers are messages with the numbers below n.
func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// long is longer than the queues take whose messages are to be refused for good.
var (
	long  = strings.Repeat("x", 2000)
	small = pile.Attributes{MaxSize: 1024}
)

func sentAgain(t *testing.T, s Suite) {
	for name, rule := range map[string]chaos.Rule{
		"lost answers": {Op: "send", Kind: chaos.Lost, Rate: 1, Limit: 2},
		"cut answers":  {Op: "send", Kind: chaos.Reset, Rate: 1, Limit: 2},
		"errors":       {Op: "send", Kind: chaos.Status, Rate: 1, Status: 503, Limit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, q := s.hasty(t, pile.Attributes{})
			w.Server.Desk().Inject(rule)
			send(t, q, "a", "b")
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

func throttledSend(t *testing.T, s Suite) {
	w, q := s.hasty(t, pile.Attributes{})
	w.Server.Desk().Inject(chaos.Rule{Op: "send", Kind: chaos.Throttle, Rate: 1, Limit: 1})
	begun := time.Now()
	send(t, q, "a")
	if took := time.Since(begun); took < 500*time.Millisecond {
		t.Errorf("sent again after %v, want half a second at least: the limit is one a second", took)
	}
	w.wantRequests(t, 2, "one throttled, one taken")
}

func partlyTaken(t *testing.T, s Suite) {
	w, q := s.hasty(t, pile.Attributes{})
	w.Server.Misbehave(pile.Misbehaviour{Refuse: 0.1})
	const n = 200
	send(t, q, numbers(n)...)
	if w.Server.Injected().Refused == 0 {
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

func givesUp(t *testing.T, s Suite) {
	w, q := s.hasty(t, pile.Attributes{})
	w.Server.Misbehave(pile.Misbehaviour{Refuse: 1})
	err := q.Send(t.Context(), outgoing(numbers(40)...)...)
	if fault.KindOf(err) != fault.Temporary || !strings.Contains(err.Error(), "40 of 40 messages not sent") {
		t.Errorf("Send = %v, want it temporary, with all 40 not sent", err)
	}
	w.wantRequests(t, 6, "6 tries and then no other batch")
}

func refusedForGood(t *testing.T, s Suite) {
	w, q := s.hasty(t, small)
	err := q.Send(t.Context(), outgoing("a", long, "b")...)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "1 of 3 messages not sent") {
		t.Errorf("Send with a message that the queue does not take = %v, want it invalid, with 1 of 3 not sent", err)
	}
	w.wantReady(t, 2)
	w.wantRequests(t, 1, "the rest was taken at once")
}

func refusedMeanwhile(t *testing.T, s Suite) {
	w, q := s.hasty(t, small)
	w.Server.Misbehave(pile.Misbehaviour{Refuse: 0.3})
	want := fmt.Sprintf("1 of %d messages not sent", s.Batch)
	if err := q.Send(t.Context(), outgoing(append(numbers(s.Batch-1), long)...)...); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
		t.Errorf("Send = %v, want it invalid, with %s", err, want)
	}
	w.wantReady(t, s.Batch-1)
	if w.Server.Injected().Refused == 0 {
		t.Error("nothing was refused for a while: the test shows nothing")
	}
}

func noQueue(t *testing.T, s Suite) {
	w := s.start(t)
	if err := w.Open(t, Way{}).Send(t.Context(), outgoing(numbers(2)...)...); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Send to a queue that does not exist = %v, want kind %s", err, fault.NotFound)
	}
	w.wantRequests(t, 1, "no try can cure it")
}

// told: which message, and why, whether one of a batch or one alone, and not a word where all
// are taken.
func told(t *testing.T, s Suite) {
	for name, tc := range map[string]struct {
		messages int
		refuse   float64
	}{
		"some of a batch": {16, 0.2}, "one alone": {1, 0.6}, "none": {16, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			w, q := s.open(t, pile.Attributes{}, Way{Log: slog.New(slog.NewJSONHandler(&said, nil))})
			q.Hasten()
			var bodies []string
			for i := range tc.messages {
				bodies = append(bodies, fmt.Sprintf("task-%d-%s", i, strings.Repeat("x", 300)))
			}
			w.Server.Misbehave(pile.Misbehaviour{Refuse: tc.refuse})
			for range 20 { // until some are refused
				if err := q.Send(t.Context(), outgoing(bodies...)...); err != nil && tc.refuse == 0 {
					t.Fatal(err)
				}
				if said.Len() > 0 {
					break
				}
			}
			if tc.refuse == 0 {
				if said.Len() > 0 {
					t.Errorf("all were taken, and told is %s", said.String())
				}
				return
			}
			line, _, _ := strings.Cut(said.String(), "\n")
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

// named: for good, besides how many were not sent.
func named(t *testing.T, s Suite) {
	_, q := s.hasty(t, small)
	err := q.Send(t.Context(), outgoing("good", "bad-"+long)...)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "1 of 2 messages not sent: message bad-xxx") || len(err.Error()) > 600 {
		t.Errorf("Send = %v, want it to name the message by its beginning", err)
	}
}

// bodies that the services take as they are, and such as they do not.
func bodies(t *testing.T, s Suite) {
	const document = `{"v":1,"key":"图片/a<b>&\"]]>"}`
	texts := map[string]Text{
		"JSON":                    {document, document},
		"words":                   {"hello, world\n", "hello, world\n"},
		"what looks marked":       {"base64:AAAA", "base64:YmFzZTY0OkFBQUE="},
		"what begins like marked": {"base64: a code", "base64: a code"},
		"a control character":     {"a\x00b", "base64:YQBi"},
		"a return":                {"a\r\nb", "base64:YQ0KYg=="},
		"bytes that are no UTF-8": {"\xff", "base64:/w=="},
		"a character XML has not": {"\uffff", "base64:77+/"},
		"nothing":                 {"", "base64:"},
	}
	for name, text := range s.Texts {
		texts[name] = text
	}
	w, q := s.open(t, pile.Attributes{}, Way{})
	for name, tc := range texts {
		t.Run(name, func(t *testing.T) {
			send(t, q, tc.Body)
			if text := w.travelled(t); text != tc.Text {
				t.Errorf("%q travels as %q, want %q", tc.Body, text, tc.Text)
			}
			send(t, q, tc.Body)
			receiveOne(t, q, tc.Body)
		})
	}
}
