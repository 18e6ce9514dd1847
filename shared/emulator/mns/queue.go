package mns

import (
	"container/heap"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Attributes are what a queue is made with. Zero fields mean the service's
// defaults (MNS, CreateQueue).
type Attributes struct {
	Delay      time.Duration // of messages that name none: 0 to 7 days
	MaxSize    int           // bytes of a body: 1,024 to 65,536 (65,536)
	Retention  time.Duration // 60 s to 7 days; the SDK allows 15 (4 days)
	Visibility time.Duration // 1 s to 12 h (30 s)
	Poll       time.Duration // what a receive without waitseconds waits: 0 to 30 s
	DeadLetter string        // name of the queue for what was received too often; "" is none
	MaxReceive int           // how often that is (10)
}

func (a Attributes) withDefaults() Attributes {
	if a.MaxSize == 0 {
		a.MaxSize = 65536
	}
	if a.Retention == 0 {
		a.Retention = 345_600 * time.Second
	}
	if a.Visibility == 0 {
		a.Visibility = 30 * time.Second
	}
	if a.DeadLetter != "" && a.MaxReceive == 0 {
		a.MaxReceive = 10
	}
	return a
}

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
		return nil, refuse(404, "QueueNotExist", "The queue name you provided is not exist.")
	}
	return q, nil
}

// Send sends a message as a request would, without one.
func (s *Server) Send(name string, body []byte, delay time.Duration) error {
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	q.send(string(body), delay, 8)
	return nil
}

// Receive takes up to most messages, waiting up to wait for the first. None in
// that time is an empty slice.
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

// Depth counts the messages of a queue.
func (s *Server) Depth(name string) (Depth, error) {
	q, err := s.queue(name)
	if err != nil {
		return Depth{}, err
	}
	return q.depth(), nil
}

// message is one in a queue. Its zero receipt says that it was not received yet.
type message struct {
	id, body, sum, receipt string
	sent, first, visible   time.Time // first: when it was received first
	dequeues, priority     int
	order                  int64
	at                     int // its place in the heap
}

// queue is one queue.
type queue struct {
	s       *Server
	name    string
	created time.Time

	mu       sync.Mutex
	attr     Attributes
	modified time.Time
	messages pile
	held     map[string]*message // by receipt
	order    int64
	changed  chan struct{} // closed when a message may have become visible
}

func newQueue(s *Server, name string, a Attributes) *queue {
	now := s.cfg.Now()
	return &queue{s: s, name: name, created: now, modified: now, attr: a.withDefaults(), held: map[string]*message{}, changed: make(chan struct{})}
}

// send puts a message in; delay below 0 is the queue's own. One that is to be
// lost is answered for like any other.
func (q *queue) send(body string, delay time.Duration, priority int) *message {
	now := q.s.cfg.Now()
	sum := md5.Sum([]byte(body))
	m := &message{id: q.s.name(), body: body, sum: hex.EncodeToString(sum[:]), sent: now, priority: priority}
	if q.s.chance(func(b Misbehaviour) float64 { return b.Lose }, func(i *Injected) *int { return &i.Lost }) {
		return m
	}
	if q.s.chance(func(b Misbehaviour) float64 { return b.Late }, func(i *Injected) *int { return &i.Late }) {
		q.s.mu.Lock()
		delay = max(delay, 0) + q.s.bad.LateBy
		q.s.mu.Unlock()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if delay < 0 {
		delay = q.attr.Delay
	}
	m.visible = now.Add(delay)
	q.put(m)
	return m
}

// put adds m and wakes who waits. The queue's lock is held.
func (q *queue) put(m *message) {
	q.order++
	m.order = q.order
	heap.Push(&q.messages, m)
	q.wake()
}

func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// receive takes up to most visible messages, waiting up to wait for the first.
func (q *queue) receive(ctx context.Context, most int, wait time.Duration) []message {
	until := time.Now().Add(wait)
	for {
		got, next, changed := q.take(most)
		if len(got) > 0 || time.Until(until) <= 0 {
			return got
		}
		pause := time.Until(until)
		if !next.IsZero() {
			pause = min(pause, max(next.Sub(q.s.cfg.Now()), time.Millisecond))
		}
		alarm := time.NewTimer(pause)
		select {
		case <-changed:
		case <-alarm.C:
		case <-ctx.Done():
			alarm.Stop()
			return nil
		}
		alarm.Stop()
	}
}

// take receives what is visible now. next is when another message gets
// visible, zero if none is there.
func (q *queue) take(most int) (got []message, next time.Time, changed <-chan struct{}) {
	var again, dead []*message
	defer func() { // with the lock let go: another queue's may be wanted
		for _, m := range dead {
			q.bury(m)
		}
	}()
	reorder := q.s.chance(func(b Misbehaviour) float64 { return b.Reorder }, func(i *Injected) *int { return &i.Reordered })
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	for len(got) < most && len(q.messages) > 0 {
		m := q.messages[0]
		if m.visible.After(now) {
			break
		}
		if reorder {
			m, reorder = q.messages.youngest(now), false
		}
		delete(q.held, m.receipt)
		switch {
		case now.Sub(m.sent) > q.attr.Retention:
			heap.Remove(&q.messages, m.at)
			continue
		case q.attr.DeadLetter != "" && m.dequeues >= q.attr.MaxReceive:
			heap.Remove(&q.messages, m.at)
			dead = append(dead, m)
			continue
		}
		if m.dequeues++; m.dequeues == 1 {
			m.first = now
		}
		m.receipt, m.visible = q.s.name(), now.Add(q.attr.Visibility)
		q.held[m.receipt] = m
		heap.Fix(&q.messages, m.at)
		got = append(got, *m)
		if q.s.chance(func(b Misbehaviour) float64 { return b.Duplicate }, func(i *Injected) *int { return &i.Duplicated }) {
			twin := *m
			twin.receipt, twin.visible = "", now
			again = append(again, &twin)
		}
	}
	for _, m := range again {
		q.put(m)
	}
	if len(q.messages) > 0 {
		next = q.messages[0].visible
	}
	return got, next, q.changed
}

// bury moves m to the dead-letter queue, where it begins anew under its id.
// Where that queue does not exist the message stays lost, as at the service.
func (q *queue) bury(m *message) {
	to, err := q.s.queue(q.attr.DeadLetter)
	if err != nil || to == q {
		return
	}
	dead := &message{id: m.id, body: m.body, sum: m.sum, sent: q.s.cfg.Now(), visible: q.s.cfg.Now(), priority: m.priority}
	to.mu.Lock()
	defer to.mu.Unlock()
	to.put(dead)
}

// peek looks at up to most visible messages and takes none.
func (q *queue) peek(most int) (got []message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	sorted := slices.Clone(q.messages)
	slices.SortFunc(sorted, compare)
	for _, m := range sorted {
		if len(got) < most && !m.visible.After(now) {
			got = append(got, *m)
		}
	}
	return got
}

// owned finds the message of a receipt. The queue's lock is held.
func (q *queue) owned(receipt string) (*message, error) {
	m, ok := q.held[receipt]
	if !ok || !m.visible.After(q.s.cfg.Now()) {
		return nil, refuse(404, "MessageNotExist", "The receipt handle you provided has expired or is not of a message here.")
	}
	return m, nil
}

func (q *queue) delete(receipt string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, err := q.owned(receipt)
	if err != nil {
		return err
	}
	delete(q.held, receipt)
	heap.Remove(&q.messages, m.at)
	return nil
}

// extend makes a message invisible for d from now, under a new receipt.
func (q *queue) extend(receipt string, d time.Duration) (message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, err := q.owned(receipt)
	if err != nil {
		return message{}, err
	}
	delete(q.held, receipt)
	m.receipt, m.visible = q.s.name(), q.s.cfg.Now().Add(d)
	q.held[m.receipt] = m
	heap.Fix(&q.messages, m.at)
	q.wake()
	return *m, nil
}

func (q *queue) depth() (d Depth) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	for _, m := range q.messages {
		switch {
		case !m.visible.After(now):
			d.Active++
		case m.dequeues > 0:
			d.Inactive++
		default:
			d.Delayed++
		}
	}
	return d
}
