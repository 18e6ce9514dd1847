package sqs

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/emulator/pile"
)

// Message is a message received.
type Message struct {
	ID, Receipt string
	Body        []byte
	Attributes  map[string]Attribute // those its sender gave
	Dequeues    int                  // this time included
	Sent, First time.Time            // First: when it was received first
}

// Attribute is a message attribute of the types String and Number, or one of
// their custom subtypes.
type Attribute struct{ Type, Value string }

// checkBody is check of a message without attributes.
func checkBody(q *pile.Queue, body string) error {
	if no := check(q, body, nil); no != nil {
		return no
	}
	return nil
}

// remove removes the message of a receipt. As SQS does, it says yes to any
// receipt of its form: that of the last delivery removes the message even if it
// is visible again, an older one removes nothing.
func remove(q *pile.Queue, receipt string) error {
	if !wellFormed(receipt) {
		return errReceipt
	}
	q.Delete(receipt)
	return nil
}

// extend makes a message invisible for d from now; its receipt stays. As SQS
// does, it says yes and changes nothing if the message is visible again, and
// refuses what goes beyond 12 hours since the message was received.
func extend(q *pile.Queue, receipt string, d time.Duration) error {
	if !wellFormed(receipt) {
		return errReceipt
	}
	switch _, err := q.Extend(receipt, d); {
	case errors.Is(err, pile.ErrTooLong):
		return badValue("VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	case err != nil:
		return errGone
	}
	return nil
}

// ARN is the name of a queue across AWS.
func (s *Server) ARN(name string) string {
	return "arn:aws:sqs:" + s.cfg.Region + ":" + s.cfg.Account + ":" + name
}

// Receive takes up to most messages, waiting up to wait for the first. None in
// that time, before ctx ends, or before Close is an empty slice.
func (s *Server) Receive(ctx context.Context, name string, most int, wait time.Duration) ([]Message, error) {
	q, err := s.Queue(name)
	if err != nil {
		return nil, err
	}
	var out []Message
	for _, m := range q.Receive(ctx, most, wait, -1) {
		told := map[string]Attribute{}
		for name, a := range attributesOf(m) {
			told[name] = Attribute{a.Type, a.value()}
		}
		out = append(out, Message{ID: m.ID, Receipt: m.Receipt, Body: []byte(m.Body), Attributes: told, Dequeues: m.Dequeues, Sent: m.Sent, First: m.First})
	}
	return out, nil
}

// Show makes every message of a queue visible, as time would.
func (s *Server) Show(name string) error {
	q, err := s.Queue(name)
	if err != nil {
		return err
	}
	q.Show()
	return nil
}
