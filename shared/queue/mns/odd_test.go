package mns_test

import (
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
)

func TestAnAnswerThatIsNotTheDocumentSaysNothing(t *testing.T) {
	m := queue.Message{ID: "1", Receipt: "r"}
	asks := map[string]func(*testing.T, *mns.Queue) error{
		"depth":   func(t *testing.T, q *mns.Queue) error { _, err := q.Depth(t.Context()); return err },
		"receive": func(t *testing.T, q *mns.Queue) error { _, err := q.Receive(t.Context(), 2, 0); return err },
		"extend":  func(t *testing.T, q *mns.Queue) error { _, err := q.Extend(t.Context(), m, 1); return err },
		"delete":  func(t *testing.T, q *mns.Queue) error { return q.Delete(t.Context(), m) },
		"send":    func(t *testing.T, q *mns.Queue) error { return q.Send(t.Context(), queue.Outgoing{Body: []byte("{}")}) },
		"batch": func(t *testing.T, q *mns.Queue) error {
			return q.Send(t.Context(), queue.Outgoing{Body: []byte("{}")}, queue.Outgoing{Body: []byte("{}")})
		},
	}
	more := map[string]string{
		"receive, a message without a receipt": odd.Answer(200, "<Messages><Message><MessageId>1</MessageId><MessageBody>{}</MessageBody></Message></Messages>"),
		"receive, a message without an id":     odd.Answer(200, "<Messages><Message><ReceiptHandle>1</ReceiptHandle><MessageBody>{}</MessageBody></Message></Messages>"),
		"receive, no messages":                 odd.Answer(200, "<Messages/>"),
		"depth, a queue of nothing":            odd.Answer(200, "<Queue/>"),
		"extend, no receipt":                   odd.Answer(200, "<ChangeVisibility/>"),
	}
	for name := range asks {
		for of, answer := range map[string]string{
			"nothing":          odd.Answer(200, ""),
			"JSON":             odd.Answer(200, "{}"),
			"HTML":             odd.Answer(200, "<html><body>log in</body></html>"),
			"another document": odd.Answer(200, "<Topic><TopicName>t</TopicName></Topic>"),
			"cut on the wire":  odd.Head(200, "Content-Length: 900") + "<Messages><Message>",
			"without an end":   odd.Head(200, "Connection: close") + "<Messages>" + strings.Repeat(" ", 9<<20),
		} {
			more[name+", "+of] = answer
		}
	}
	for name, answer := range more {
		t.Run(name, func(t *testing.T) {
			s := odd.Serve(t, func(w *odd.Wire, r *http.Request) {
				w.Send(answer)
				w.Hangup()
			})
			q := opentest.Queue(t, mns.Open, mns.Config{
				Queue: "jobs", Account: "1", Region: "r", Endpoint: s.URL, Insecure: true,
				Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
			})
			ask, _, _ := strings.Cut(name, ",")
			err := asks[ask](t, q)
			if kind := fault.KindOf(err); kind != fault.Temporary && kind != fault.Corrupt {
				t.Errorf("got %v, want it Temporary, or Corrupt", err)
			}
		})
	}
}
