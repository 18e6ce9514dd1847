package mns_test

import (
	"sync"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
	"kodoferry/shared/queue/queuetest"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func start(t *testing.T, now func() time.Time) *stand.Server {
	t.Helper()
	s, err := stand.Start(stand.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t *testing.T, s *stand.Server, name string, a stand.Attributes, set ...func(*mns.Config)) *mns.Queue {
	t.Helper()
	if err := s.CreateQueue(name, a); err != nil {
		t.Fatal(err)
	}
	return reopen(t, s, name, set...)
}

func reopen(t *testing.T, s *stand.Server, name string, set ...func(*mns.Config)) *mns.Queue {
	t.Helper()
	c := mns.Config{
		Queue: name, Account: s.Account(), Region: s.Region(), Endpoint: s.Endpoint(), Insecure: true,
		Credentials: func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"} },
	}
	for _, f := range set {
		f(&c)
	}
	q, err := mns.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestContract(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Queue, queuetest.Knobs) {
		t.Parallel()
		c := &clock{}
		s := start(t, c.now)
		return open(t, s, "contract", stand.Attributes{Visibility: 5 * time.Second}), queuetest.Knobs{
			Visibility: 5 * time.Second, TextOnly: true,
			Sleep: func(d time.Duration) {
				c.mu.Lock()
				c.add += d
				c.mu.Unlock()
				s.Tick()
			},
		}
	})
}
