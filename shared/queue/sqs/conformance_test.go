package sqs_test

import (
	"sync"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/queuetest"
	"kodoferry/shared/queue/sqs"
)

// clock is a clock that a test moves.
type clock struct {
	tick func() // tells the stand-in; nil where nobody waits

	mu    sync.Mutex
	add   time.Duration
	still time.Time // set: the time goes on by set alone
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still.Add(c.add)
	}
	return time.Now().Add(c.add)
}

// freeze stops the clock at t: what is measured then is exact.
func (c *clock) freeze(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still = t.Truncate(time.Second)
}

// set makes the clock fast by d.
func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	c.add = d
	c.mu.Unlock()
	if c.tick != nil {
		c.tick()
	}
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	d += c.add
	c.mu.Unlock()
	c.set(d)
}

func start(t *testing.T, now func() time.Time) *stand.Server {
	t.Helper()
	s, err := stand.Start(stand.Config{AccessKeyID: "id", SecretAccessKey: "secret", Seed: 1, Now: now, SignedBy: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t *testing.T, s *stand.Server, name string, a stand.Attributes, set ...func(*sqs.Config)) *sqs.Queue {
	t.Helper()
	if err := s.CreateQueue(name, a); err != nil {
		t.Fatal(err)
	}
	return reopen(t, s, name, set...)
}

func reopen(t *testing.T, s *stand.Server, name string, set ...func(*sqs.Config)) *sqs.Queue {
	t.Helper()
	c := sqs.Config{
		Queue: name, Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() sqs.Credentials { return sqs.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"} },
	}
	for _, f := range set {
		f(&c)
	}
	q, err := sqs.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// on makes q go by c's time, as its queue does.
func on(c *clock, q *sqs.Queue) *sqs.Queue {
	q.SetClock(c.now)
	return q
}

func TestContract(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Queue, queuetest.Knobs) { return contract(t) })
}

// TestContractUnderFaults injects what the contract has the driver hide:
// answers that are slow, and requests refused that it tries again by itself.
func TestContractUnderFaults(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Queue, queuetest.Knobs) {
		return contract(t,
			chaos.Rule{Op: "*", Kind: chaos.Latency, Rate: 0.1, Delay: 5 * time.Millisecond},
			chaos.Rule{Op: "send", Kind: chaos.Status, Rate: 0.1, Status: 500},
			chaos.Rule{Op: "attributes", Kind: chaos.Status, Rate: 0.03},
			chaos.Rule{Op: "attributes", Kind: chaos.Lost, Rate: 0.03},
		)
	})
}

// contract opens an empty queue on a clock of its own.
func contract(t *testing.T, rules ...chaos.Rule) (queue.Queue, queuetest.Knobs) {
	t.Parallel()
	c := &clock{}
	s := start(t, c.now)
	c.tick = s.Tick
	q := on(c, open(t, s, "contract", stand.Attributes{Visibility: 5 * time.Second}))
	if len(rules) > 0 {
		q.Hasten()
		s.Desk().Inject(rules...)
		s.Misbehave(stand.Misbehaviour{Refuse: 0.1, Reorder: 0.2})
	}
	return q, queuetest.Knobs{Visibility: 5 * time.Second, Sleep: c.advance}
}
