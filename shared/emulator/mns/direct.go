package mns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Message is a message received.
type Message struct {
	ID, Receipt string
	Body        []byte
	Dequeues    int // this time included
	Sent        time.Time
}

// Depth counts what is in a queue.
type Depth struct{ Active, Inactive, Delayed int }

// CreateQueue makes a queue, as a request would.
func (s *Server) CreateQueue(name string, a Attributes) error {
	if err := checkName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.queues[name]; ok {
		return fmt.Errorf("mns emulator: queue %q exists", name)
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

// Send sends a message as a request would, without one: a body that is empty or
// too long is refused. A negative delay is the queue's own.
func (s *Server) Send(name string, body []byte, delay time.Duration) error {
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	if err := q.check(len(body)); err != nil {
		return err
	}
	q.send(string(body), delay, defaultPriority)
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
	for _, m := range q.receive(ctx, most, wait) {
		out = append(out, Message{ID: m.id, Receipt: m.receipt, Body: []byte(m.body), Dequeues: m.dequeues, Sent: m.sent})
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

// ChangeVisibility makes a message invisible for d from now, 0 included, which
// a request may not ask for. It returns the message's new receipt.
func (s *Server) ChangeVisibility(name, receipt string, d time.Duration) (string, error) {
	q, err := s.queue(name)
	if err != nil {
		return "", err
	}
	m, err := q.extend(receipt, d)
	return m.receipt, err
}

// Depth counts the messages of a queue.
func (s *Server) Depth(name string) (Depth, error) {
	q, err := s.queue(name)
	if err != nil {
		return Depth{}, err
	}
	return q.depth(), nil
}

// Queues returns the names of all queues, in order.
func (s *Server) Queues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.queues))
}
