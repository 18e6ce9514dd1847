package sqs_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/sqs"
)

func TestAnAnswerThatIsNotTheDocumentSaysNothing(t *testing.T) {
	attributes := odd.Answer(200, `{"Attributes":{"VisibilityTimeout":"30"}}`)
	good := odd.Answer(200, `{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"{}"}]}`)
	asks := map[string]func(*testing.T, *sqs.Queue) error{
		"depth":   func(t *testing.T, q *sqs.Queue) error { _, err := q.Depth(t.Context()); return err },
		"receive": func(t *testing.T, q *sqs.Queue) error { _, err := q.Receive(t.Context(), 2, 0); return err },
		"send":    func(t *testing.T, q *sqs.Queue) error { return q.Send(t.Context(), queue.Outgoing{Body: []byte("{}")}) },
		"extend": func(t *testing.T, q *sqs.Queue) error {
			m, err := q.Receive(t.Context(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = q.Extend(t.Context(), m[0], time.Minute)
			return err
		},
		"delete": func(t *testing.T, q *sqs.Queue) error {
			m, err := q.Receive(t.Context(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			return q.Delete(t.Context(), m[0])
		},
	}
	more := map[string]string{
		"receive, a message without a receipt": odd.Answer(200, `{"Messages":[{"MessageId":"1","Body":"{}"}]}`),
		"receive, a message without an id":     odd.Answer(200, `{"Messages":[{"ReceiptHandle":"1","Body":"{}"}]}`),
		"receive, messages of another type":    odd.Answer(200, `{"Messages":{}}`),
		"receive, nothing":                     odd.Answer(200, ``),
		"depth, nothing":                       odd.Answer(200, `{}`),
		"send, nothing":                        odd.Answer(200, `{}`),
	}
	for name := range asks {
		for of, answer := range map[string]string{
			"a list":          odd.Answer(200, "[]"),
			"null":            odd.Answer(200, "null"),
			"HTML":            odd.Answer(200, "<html><body>log in</body></html>"),
			"an error":        odd.Answer(200, `{"__type":"com.amazonaws.sqs#InternalFailure","message":"no"}`),
			"cut on the wire": odd.Head(200, "Content-Length: 900") + `{"Messages":[`,
			"cut short":       odd.Answer(200, `{"Messages":[`),
		} {
			more[name+", "+of] = answer
		}
	}
	for name, answer := range more {
		t.Run(name, func(t *testing.T) {
			ask, _, _ := strings.Cut(name, ",")
			s := odd.Serve(t, func(w *odd.Wire, r *http.Request) {
				switch op := r.Header.Get("X-Amz-Target"); {
				case strings.HasSuffix(op, ".GetQueueAttributes") && ask != "depth":
					w.Send(attributes)
				case strings.HasSuffix(op, ".ReceiveMessage") && ask != "receive":
					w.Send(good)
				default:
					w.Send(answer)
					w.Hangup()
				}
			})
			q := opentest.Queue(t, sqs.Open, sqs.Config{
				Queue: "jobs", Account: "123456789012", Region: "eu-central-1", Endpoint: s.URL, Insecure: true,
				Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
			})
			err := asks[ask](t, q)
			if kind := fault.KindOf(err); kind != fault.Temporary && kind != fault.Corrupt {
				t.Errorf("got %v, want it Temporary, or Corrupt", err)
			}
		})
	}
}
