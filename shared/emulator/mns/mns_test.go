package mns_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/emulator/mns"
)

// manual is a clock that a test moves.
type manual struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *manual) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func (c *manual) advance(s *mns.Server, d time.Duration) {
	c.mu.Lock()
	c.add += d
	c.mu.Unlock()
	s.Tick()
}

func (c *manual) set(cfg *mns.Config) { cfg.Now = c.now }

func take(t *testing.T, s *mns.Server, queue string, wait time.Duration) []mns.Message {
	t.Helper()
	got, err := s.Receive(t.Context(), queue, 16, wait)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatIsReceivedTooOftenGoesToTheDeadLetters(t *testing.T) {
	var c manual
	s := start(t, c.set)
	for name, a := range map[string]mns.Attributes{"dead": {}, "jobs": {DeadLetter: "dead", MaxReceive: 3, Visibility: 10 * time.Second}} {
		if err := s.CreateQueue(name, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		got := take(t, s, "jobs", 0)
		if len(got) != 1 || got[0].Dequeues != want {
			t.Fatalf("delivery %d: %+v, want one message", want, got)
		}
		c.advance(s, 11*time.Second)
	}
	if got := take(t, s, "jobs", 0); len(got) != 0 {
		t.Errorf("a fourth delivery: %+v, want none", got)
	}
	if got := take(t, s, "dead", 0); len(got) != 1 || string(got[0].Body) != "x" || got[0].Dequeues != 1 {
		t.Errorf("dead letters: %+v, want the message, delivered for the first time", got)
	}
}

func TestAMessageIsForgottenAfterItsRetention(t *testing.T) {
	var c manual
	s := start(t, c.set)
	if err := s.CreateQueue("jobs", mns.Attributes{Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	c.advance(s, time.Hour+time.Second)
	if got := take(t, s, "jobs", 0); len(got) != 0 {
		t.Errorf("received %+v after its retention, want none", got)
	}
}

func TestAQueueMisbehavesAsMuchAsItIsTold(t *testing.T) {
	const n = 400
	for name, tc := range map[string]struct {
		bad   mns.Misbehaviour
		count func(mns.Injected) int
		check func(got map[string]int, first []string, injected int) bool
	}{
		"duplicate": {mns.Misbehaviour{Duplicate: 0.2}, func(i mns.Injected) int { return i.Duplicated }, func(got map[string]int, _ []string, k int) bool {
			all := 0
			for _, times := range got {
				all += times
			}
			return len(got) == n && all == n+k
		}},
		"lose": {mns.Misbehaviour{Lose: 0.2}, func(i mns.Injected) int { return i.Lost }, func(got map[string]int, _ []string, k int) bool { return len(got) == n-k }},
		"late": {mns.Misbehaviour{Late: 0.2, LateBy: time.Hour}, func(i mns.Injected) int { return i.Late }, func(got map[string]int, _ []string, k int) bool { return len(got) == n-k }},
		"reorder": {mns.Misbehaviour{Reorder: 0.5}, func(i mns.Injected) int { return i.Reordered }, func(got map[string]int, order []string, _ int) bool {
			sorted := true
			for i, body := range order {
				sorted = sorted && body == strconv.Itoa(i)
			}
			return len(got) == n && !sorted
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Misbehave(tc.bad)
			if err := s.CreateQueue("jobs", mns.Attributes{Visibility: time.Hour}); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if err := s.Send("jobs", []byte(strconv.Itoa(i)), 0); err != nil {
					t.Fatal(err)
				}
			}
			got, order := map[string]int{}, []string{}
			for batch := take(t, s, "jobs", 0); len(batch) > 0; batch = take(t, s, "jobs", 0) {
				for _, m := range batch {
					got[string(m.Body)]++
					order = append(order, string(m.Body))
				}
			}
			k := tc.count(s.Injected())
			if k == 0 || k > n/2 || !tc.check(got, order, k) {
				t.Errorf("%d different of %d sent, %d injected (%+v): not as told", len(got), n, k, s.Injected())
			}
		})
	}
}

func TestALongPollGetsWhatIsSentMeanwhile(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan []mns.Message)
	go func() {
		m, _ := s.Receive(t.Context(), "jobs", 1, 20*time.Second)
		got <- m
	}()
	time.Sleep(20 * time.Millisecond)
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if m := <-got; len(m) != 1 {
		t.Errorf("received %+v, want the message", m)
	}
}

func TestARequestThatIsNotSignedIsRefused(t *testing.T) {
	s := start(t)
	resp, err := http.Get(s.Endpoint() + "/queues/jobs/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 400 || resp.Header.Get("X-Mns-Request-Id") == "" {
		t.Errorf("status %d, want 400 and a request id", resp.StatusCode)
	}
}
