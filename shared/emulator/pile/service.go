// Package pile is what the stand-ins of message queues share: queues that hide a received
// message until its visibility ends, count deliveries, move what was received too often to a
// dead-letter queue, and misbehave when they are told to. A stand-in puts a protocol around a
// Service, and shows a Front. service.go holds all queues, queue.go is one, heap.go the order in it.
package pile

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// Rules are how a service's queues differ from another's.
type Rules struct {
	Name    string                                     // of the service, before its errors
	ID      func(draw func() uint64) string            // makes an id out of random numbers
	Receipt func(draw func() uint64, id string) string // makes a receipt for the message of an id

	// Lasting receipts are good until the message is received again, and Extend keeps them.
	// Others are void when the message is visible again, and Extend gives a new one.
	Lasting bool
	Recall  bool          // a delayed message has a receipt, by which its sender may take it back
	Aged    bool          // a dead letter keeps the time it was sent at; otherwise it begins anew
	MaxHeld time.Duration // a message is hidden for so long at most since it was received; 0: for any time

	CheckName func(name string) error // refuses what cannot be the name of a queue
	MaxSize   int                     // of a body, in bytes
	CheckBody func(q *Queue, body string) error
	Remove    func(q *Queue, receipt string) error
	Priority  int   // of a message that names none
	NoQueue   error // is what is asked of a queue that is not there
}

// Service is all queues of a stand-in and the listener it is asked at. It is safe for
// concurrent use.
type Service struct {
	rules Rules
	now   func() time.Time

	mu     sync.Mutex
	rand   *rand.Rand
	queues map[string]*Queue
	bad    Misbehaviour
	done   Injected

	listener net.Listener
	http     *http.Server
	closed   chan struct{} // closed by Close
	close    func() error
}

// New listens on addr, where "" is a free port of the loopback interface, and has no queues.
// Faults, ids and receipts are drawn from random; now is the clock.
func New(addr string, rules Rules, random *rand.Rand, now func() time.Time) (*Service, error) {
	listener, err := net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("%s emulator: %w", rules.Name, err)
	}
	s := &Service{
		rules: rules, now: now, rand: random, queues: map[string]*Queue{},
		listener: listener, http: &http.Server{ReadHeaderTimeout: time.Minute}, closed: make(chan struct{}),
	}
	s.close = sync.OnceValue(func() error {
		close(s.closed)
		return s.http.Close()
	})
	return s, nil
}

// Serve has h answer what comes in, until Close.
func (s *Service) Serve(h http.Handler) {
	s.http.Handler = h
	go func() { _ = s.http.Serve(s.listener) }() // ends with Close
}

// Close ends every connection and every wait for a message.
func (s *Service) Close() error { return s.close() }

// Endpoint is where it serves, as http://127.0.0.1:port.
func (s *Service) Endpoint() string { return chaos.URL(s.listener.Addr()) }

// Create makes a queue. One of the same name is an error.
func (s *Service) Create(name string, a Attributes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.queues[name]; ok {
		return fmt.Errorf("%s emulator: queue %q exists", s.rules.Name, name)
	}
	s.queues[name] = newQueue(s, name, a)
	return nil
}

// Queue finds the queue of a name.
func (s *Service) Queue(name string) (*Queue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[name]
	return q, ok
}

// Drop removes a queue with all that is in it. One that is not there is no error.
func (s *Service) Drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queues, name)
}

// Queues returns the names of all queues, in order.
func (s *Service) Queues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.queues))
}

// Tick tells those who wait for messages that the clock has jumped.
func (s *Service) Tick() {
	s.mu.Lock()
	queues := slices.Collect(maps.Values(s.queues))
	s.mu.Unlock()
	for _, q := range queues {
		q.mu.Lock()
		q.wake()
		q.mu.Unlock()
	}
}

// Misbehaviour is how a queue that delivers at least once, in no order, may
// behave: the shares, 0 to 1, of messages that are treated so.
type Misbehaviour struct {
	Duplicate float64       // received, and there to be received once more under the same id
	Five      float64       // received, and there to be received four times more under the same id
	Reorder   float64       // received before those that were sent earlier
	Refuse    float64       // refused with InternalError when sent: of a batch, that entry alone
	Lose      float64       // lost after a good answer to who sent them
	Late      float64       // not to be received before LateBy has passed
	LateBy    time.Duration //
}

// Injected counts what Misbehave did.
type Injected struct{ Duplicated, Fivefold, Reordered, Refused, Lost, Late int }

// Misbehave makes every queue behave so from now on.
func (s *Service) Misbehave(m Misbehaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = m
}

// Injected returns what was done so far.
func (s *Service) Injected() Injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// Refuses draws whether a message that is sent is to be refused, and counts it.
func (s *Service) Refuses() bool {
	return s.chance(func(b Misbehaviour) float64 { return b.Refuse }, func(i *Injected) *int { return &i.Refused })
}

// chance draws whether a share is hit, and counts it.
func (s *Service) chance(share func(Misbehaviour) float64, count func(*Injected) *int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := share(s.bad); p == 0 || s.rand.Float64() >= p {
		return false
	}
	*count(&s.done)++
	return true
}

// again draws how many times more a message that is received is there to be received.
func (s *Service) again() int {
	switch {
	case s.chance(func(b Misbehaviour) float64 { return b.Duplicate }, func(i *Injected) *int { return &i.Duplicated }):
		return 1
	case s.chance(func(b Misbehaviour) float64 { return b.Five }, func(i *Injected) *int { return &i.Fivefold }):
		return 4
	}
	return 0
}

func (s *Service) lateBy() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad.LateBy
}

// ID draws an id that nobody has yet.
func (s *Service) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules.ID(s.rand.Uint64)
}

// receipt draws a receipt for the message of an id.
func (s *Service) receipt(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules.Receipt(s.rand.Uint64, id)
}
