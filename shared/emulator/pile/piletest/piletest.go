// Package piletest tests what every stand-in for queues does alike, whatever protocol it
// has. Start with Run.
package piletest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"kodoferry/shared/emulator/pile"
)

// Service is a stand-in with a queue named "jobs", as it is asked without a request.
type Service struct {
	Clock  *pile.Clock
	Aged   bool // a dead letter's retention counts from when it was sent first
	Server interface {
		CreateQueue(name string, a pile.Attributes) error
		Send(name string, body []byte, delay time.Duration) error
		Bodies(ctx context.Context, name string, most int, wait time.Duration) ([]string, error)
		Depth(name string) (pile.Depth, error)
		Misbehave(pile.Misbehaviour)
		Injected() pile.Injected
		Close() error
	}
}

// Open starts a stand-in whose queue "jobs" has those attributes.
type Open func(t *testing.T, jobs pile.Attributes) Service

// Run tests the stand-in that open starts.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"a queue misbehaves as much as it is told":                  misbehaves,
		"a long poll gets what is sent meanwhile":                   longPoll,
		"a message is forgotten after its retention":                forgotten,
		"what is received too often goes to the dead letters":       buried,
		"a wait ends with Close":                                    closed,
		"a wait ends by the test's clock":                           byClock,
		"a second queue of one name is refused":                     secondQueue,
		"a delayed message is told apart from what is at work":      told,
		"a clock that stands still goes on when it is put forward":  still,
		"a message that nobody waits for is not kept from the next": abandoned,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func (s Service) send(t *testing.T, body string, delay time.Duration) {
	t.Helper()
	if err := s.Server.Send("jobs", []byte(body), delay); err != nil {
		t.Fatal(err)
	}
}

func (s Service) receive(ctx context.Context, t *testing.T, wait time.Duration) []string {
	t.Helper()
	bodies, err := s.Server.Bodies(ctx, "jobs", 10, wait)
	if err != nil {
		t.Error(err)
	}
	return bodies
}

func (s Service) depth(t *testing.T, what string, want pile.Depth) {
	t.Helper()
	if d, err := s.Server.Depth("jobs"); err != nil || d != want {
		t.Errorf("%s: depth %+v, %v, want %+v", what, d, err, want)
	}
}

func misbehaves(t *testing.T, open Open) {
	const n = 400
	for name, tc := range map[string]struct {
		bad   pile.Misbehaviour
		count func(pile.Injected) int // how many of n
		check func(order []string, different, injected int) bool
	}{
		"duplicate": {pile.Misbehaviour{Duplicate: 0.2}, func(i pile.Injected) int { return i.Duplicated }, func(order []string, different, k int) bool {
			return different == n && len(order) == n+k
		}},
		"five": {pile.Misbehaviour{Five: 0.2}, func(i pile.Injected) int { return i.Fivefold }, func(order []string, different, k int) bool {
			return different == n && len(order) == n+4*k
		}},
		"lose": {pile.Misbehaviour{Lose: 0.2}, func(i pile.Injected) int { return i.Lost }, func(_ []string, different, k int) bool { return different == n-k }},
		"late": {pile.Misbehaviour{Late: 0.2, LateBy: time.Hour}, func(i pile.Injected) int { return i.Late }, func(_ []string, different, k int) bool { return different == n-k }},
		"duplicate all": {pile.Misbehaviour{Duplicate: 1}, func(i pile.Injected) int { return i.Duplicated / 2 }, func(order []string, different, _ int) bool {
			return different == n && len(order) == 2*n // a duplicate is not duplicated again
		}},
		"reorder": {pile.Misbehaviour{Reorder: 0.5}, func(i pile.Injected) int { return i.Reordered }, func(order []string, different, _ int) bool {
			return different == n && !slices.IsSortedFunc(order, func(a, b string) int {
				x, _ := strconv.Atoi(a)
				y, _ := strconv.Atoi(b)
				return x - y
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, pile.Attributes{Visibility: time.Hour})
			s.Server.Misbehave(tc.bad)
			for i := range n {
				s.send(t, strconv.Itoa(i), 0)
			}
			var order []string
			for got := s.receive(t.Context(), t, 0); len(got) > 0; got = s.receive(t.Context(), t, 0) {
				order = append(order, got...)
			}
			different := len(slices.Compact(slices.Sorted(slices.Values(order))))
			if k := tc.count(s.Server.Injected()); k == 0 || k > 2*n/3 || !tc.check(order, different, k) {
				t.Errorf("%d received, %d different of %d sent, %d injected (%+v): not as told", len(order), different, n, k, s.Server.Injected())
			}
		})
	}
}

// waiting starts a receive that waits; what it got comes when it ends.
func (s Service) waiting(ctx context.Context, t *testing.T, wait time.Duration) <-chan []string {
	got := make(chan []string, 1)
	go func() { got <- s.receive(ctx, t, wait) }()
	return got
}

func longPoll(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	got := s.waiting(t.Context(), t, 20*time.Second)
	s.send(t, "x", 0)
	if bodies := <-got; len(bodies) != 1 {
		t.Errorf("received %q, want the message", bodies)
	}
}

func forgotten(t *testing.T, open Open) {
	s := open(t, pile.Attributes{Retention: time.Hour})
	s.send(t, "x", 0)
	s.Clock.Advance(time.Hour + time.Second)
	s.depth(t, "after its retention", pile.Depth{})
	if got := s.receive(t.Context(), t, 0); len(got) != 0 {
		t.Errorf("received %q after its retention, want none", got)
	}
}

func buried(t *testing.T, open Open) {
	s := open(t, pile.Attributes{DeadLetter: "dead", MaxReceive: 3, Visibility: 10 * time.Second})
	if err := s.Server.CreateQueue("dead", pile.Attributes{Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	s.send(t, "x", 0)
	for delivery := range 3 {
		if got := s.receive(t.Context(), t, 0); len(got) != 1 {
			t.Fatalf("delivery %d: %q, want one message", delivery+1, got)
		}
		s.Clock.Advance(11 * time.Second)
	}
	if got := s.receive(t.Context(), t, 0); len(got) != 0 {
		t.Errorf("a fourth delivery: %q, want none", got)
	}
	s.depth(t, "buried", pile.Depth{})
	if d, err := s.Server.Depth("dead"); err != nil || d != (pile.Depth{Ready: 1}) {
		t.Errorf("dead letters: depth %+v, %v, want the message", d, err)
	}
	s.Clock.Advance(time.Hour - 20*time.Second) // since it was buried; since it was sent, more than an hour
	want := pile.Depth{Ready: 1}
	if s.Aged {
		want = pile.Depth{}
	}
	if d, err := s.Server.Depth("dead"); err != nil || d != want {
		t.Errorf("dead letters, an hour after the message was sent: depth %+v, %v, want %+v", d, err, want)
	}
}

func closed(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	got := s.waiting(t.Context(), t, time.Hour)
	if err := s.Server.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Error("a Receive goes on 10 s after Close, want it to end")
	}
}

func byClock(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	got := s.waiting(t.Context(), t, time.Hour)
	for deadline := time.Now().Add(10 * time.Second); ; s.Clock.Advance(time.Hour) {
		select {
		case <-got:
			return
		case <-time.After(time.Millisecond): // the Receive may not have begun when the clock jumped first
		}
		if time.Now().After(deadline) {
			t.Fatal("a Receive goes on although the clock has passed its wait")
		}
	}
}

func secondQueue(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	if err := s.Server.CreateQueue("jobs", pile.Attributes{}); err == nil {
		t.Error("a second queue of one name = no error, want one")
	}
}

func told(t *testing.T, open Open) {
	s := open(t, pile.Attributes{Visibility: 10 * time.Second})
	s.send(t, "later", time.Minute)
	s.depth(t, "a delayed message", pile.Depth{Delayed: 1})
	s.Clock.Advance(time.Minute)
	s.depth(t, "its delay is over", pile.Depth{Ready: 1})
	if got := s.receive(t.Context(), t, 0); len(got) != 1 {
		t.Fatalf("received %q, want the message", got)
	}
	s.depth(t, "received", pile.Depth{InFlight: 1})
	s.Clock.Advance(10 * time.Second)
	s.depth(t, "its visibility is over", pile.Depth{Ready: 1})
}

func still(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	noon := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	s.Clock.Freeze(noon)
	s.Clock.Set(time.Minute)
	s.Clock.Advance(time.Second)
	if now, want := s.Clock.Now(), noon.Truncate(time.Second).Add(61*time.Second); !now.Equal(want) {
		t.Errorf("the clock shows %v, want %v", now, want)
	}
}

func abandoned(t *testing.T, open Open) {
	s := open(t, pile.Attributes{})
	ctx, cancel := context.WithCancel(t.Context())
	got := s.waiting(ctx, t, time.Hour)
	cancel()
	if bodies := <-got; len(bodies) != 0 {
		t.Errorf("a Receive that was cancelled got %q, want none", bodies)
	}
	s.send(t, "x", 0)
	if bodies := s.receive(t.Context(), t, 0); len(bodies) != 1 {
		t.Errorf("received %q, want the message", bodies)
	}
}
