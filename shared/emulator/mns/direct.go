package mns

import (
	"context"
	"time"

	"kodoferry/shared/emulator/pile"
)

// maxSize is the most bytes of a body (MNS, "Limits").
const maxSize = 65_536

// defaultPriority is that of messages that name none; 1 is the highest, 16 the
// lowest (MNS, SendMessage).
const defaultPriority = 8

// Message is a message received.
type Message struct {
	ID, Receipt string
	Body        []byte
	Dequeues    int // this time included
	Sent        time.Time
}

// check refuses a body of a size that the queue does not take.
func check(q *pile.Queue, size int) *refusal {
	if a, _ := q.Attributes(); size == 0 || size > a.MaxSize {
		return badArgument("the size of MessageBody")
	}
	return nil
}

// checkBody is check of a text.
func checkBody(q *pile.Queue, body string) error {
	if no := check(q, len(body)); no != nil {
		return no
	}
	return nil
}

// remove removes the message of a receipt.
func remove(q *pile.Queue, receipt string) error {
	switch {
	case !wellFormed(receipt):
		return errReceipt
	case !q.Delete(receipt):
		return errNoMessage
	}
	return nil
}

// extend makes a message invisible for d from now, under a new receipt.
func extend(q *pile.Queue, receipt string, d time.Duration) (pile.Message, error) {
	if !wellFormed(receipt) {
		return pile.Message{}, errReceipt
	}
	m, err := q.Extend(receipt, d)
	if err != nil {
		return m, errNoMessage
	}
	return m, nil
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
		out = append(out, Message{ID: m.ID, Receipt: m.Receipt, Body: []byte(m.Body), Dequeues: m.Dequeues, Sent: m.Sent})
	}
	return out, nil
}

// ChangeVisibility makes a message invisible for d from now, 0 included, which
// a request may not ask for. It returns the message's new receipt.
func (s *Server) ChangeVisibility(name, receipt string, d time.Duration) (string, error) {
	q, err := s.Queue(name)
	if err != nil {
		return "", err
	}
	m, err := extend(q, receipt, d)
	return m.Receipt, err
}
