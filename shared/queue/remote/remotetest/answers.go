package remotetest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// FuzzedSecret is the secret of the keys that a driver under FuzzAnswers has.
const FuzzedSecret = "s3cr3t-of-the-queue"

// FuzzAnswers lets the service at an address, where open opens a queue, answer with any
// status and body to each question, beginning with bodies: no success of another status,
// messages that are whole, and an error of a known kind that is short, on one line, and
// tells no secret.
func FuzzAnswers(f *testing.F, open func(f *testing.F, at string) queue.Queue, bodies []string) {
	answer := ""
	s, err := odd.Start(func(w *odd.Wire, r *http.Request) {
		w.Send(answer)
		w.Hangup()
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	q := open(f, s.URL)
	m := queue.Message{ID: "1", Receipt: "r"}
	asks := []func(t *testing.T) error{
		func(t *testing.T) error { _, err := q.Depth(t.Context()); return err },
		func(t *testing.T) error {
			got, err := q.Receive(t.Context(), 2, 0)
			for _, m := range got {
				if m.ID == "" || m.Receipt == "" || m.Deliveries < 1 {
					t.Errorf("%q is received as %+v", answer, m)
				}
			}
			return err
		},
		func(t *testing.T) error { _, err := q.Extend(t.Context(), m, 1); return err },
		func(t *testing.T) error { return q.Delete(t.Context(), m) },
		func(t *testing.T) error { return q.Send(t.Context(), queue.Outgoing{Body: []byte("{}")}) },
		func(t *testing.T) error {
			return q.Send(t.Context(), queue.Outgoing{Body: []byte("{}")}, queue.Outgoing{Body: []byte("[]")})
		},
	}
	for _, body := range bodies {
		for ask := range asks {
			f.Add(uint8(ask), uint16(0), []byte(body))
			f.Add(uint8(ask), uint16(200), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, ask uint8, code uint16, body []byte) {
		status := 200 + int(code)%400
		if status == 429 || status == 503 {
			status++ // these are waited for
		}
		for _, code := range []string{"QpsLimitExceeded", "QPSLimitExceeded", "hrottl", "OverLimit", "LimitExceeded"} {
			if strings.Contains(string(body), code) {
				return // so are these
			}
		}
		answer = odd.Answer(status, string(body))
		err := asks[int(ask)%len(asks)](t)
		if err == nil {
			if status/100 != 2 && int(ask)%len(asks) != 1 { // MNS says by a 404 that there are no messages
				t.Errorf("question %d: the status %d with %q is a success", ask, status, body)
			}
			return
		}
		text := err.Error()
		known := status >= 400 && fault.FromStatus(status) != fault.Changed // which no request of ours can be: the suite wants its kind unknown
		if k := fault.KindOf(err); k == fault.Unknown && known {            // a message of a batch may be refused by a code that nobody knows
			t.Errorf("question %d, status %d, %q: %v, which is of no kind", ask, status, body, err)
		}
		if len(text) > 8192 || strings.ContainsAny(text, "\r\x00\x1b") {
			t.Errorf("question %d, status %d: an error of %s bytes: %.2000q", ask, status, strconv.Itoa(len(text)), text)
		}
		if strings.Contains(text, "s3cr3t-of") {
			t.Errorf("question %d, status %d: the error %v tells a secret", ask, status, err)
		}
	})
}

// Endpoint holds a queue that was opened, or the error, against where its requests are to
// go, or what the error is to say: no password of the address.
func Endpoint(t *testing.T, q interface{ Base() string }, err error, want string) {
	t.Helper()
	switch {
	case err == nil && q.Base() != want:
		t.Errorf("requests go to %s, want %s", q.Base(), want)
	case err != nil && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass")):
		t.Errorf("Open = %v, want it invalid, saying %q", err, want)
	}
}
