package sqs

import (
	"context"
	"fmt"
	"time"
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

// Depth counts what is in a queue.
type Depth struct{ Visible, NotVisible, Delayed int }

// CreateQueue makes a queue, as a request would.
func (s *Server) CreateQueue(name string, a Attributes) error {
	if err := checkName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.queues[name]; ok {
		return fmt.Errorf("sqs emulator: queue %q exists", name)
	}
	s.queues[name] = newQueue(s, name, a)
	return nil
}

func (s *Server) queue(name string) (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[name]
	if !ok {
		return nil, errNoQueue
	}
	return q, nil
}

// ARN is the name of a queue across AWS.
func (s *Server) ARN(name string) string {
	return "arn:aws:sqs:" + s.cfg.Region + ":" + s.cfg.Account + ":" + name
}

// Send sends a message as a request would, without one: what a request is
// refused for is refused. A negative delay is the queue's own.
func (s *Server) Send(name string, body []byte, delay time.Duration) error {
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	if err := q.check(string(body), nil); err != nil {
		return err
	}
	q.send(string(body), nil, delay)
	return nil
}

// Receive takes up to most messages, waiting up to wait for the first. None in
// that time, before ctx ends, or before Close is an empty slice.
func (s *Server) Receive(ctx context.Context, name string, most int, wait time.Duration) ([]Message, error) {
	q, err := s.queue(name)
	if err != nil {
		return nil, err
	}
	var out []Message
	for _, m := range q.receive(ctx, most, wait, -1) {
		told := map[string]Attribute{}
		for name, a := range m.attributes {
			told[name] = Attribute{a.Type, a.value()}
		}
		out = append(out, Message{ID: m.id, Receipt: m.receipt, Body: []byte(m.body), Attributes: told, Dequeues: m.dequeues, Sent: m.sent, First: m.first})
	}
	return out, nil
}

// Delete removes a message by its receipt.
func (s *Server) Delete(name, receipt string) error {
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	return q.delete(receipt)
}

// Depth counts the messages of a queue.
func (s *Server) Depth(name string) (Depth, error) {
	q, err := s.queue(name)
	if err != nil {
		return Depth{}, err
	}
	return q.depth(), nil
}

// Show makes every message of a queue visible, as time would.
func (s *Server) Show(name string) error {
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	q.show()
	return nil
}
