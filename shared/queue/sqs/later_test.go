package sqs_test

import (
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/queue"
)

// arrives moves the clock by steps until the queue's only message is received,
// and tells when that was.
func arrives(t *testing.T, c *pile.Clock, q queue.Queue, step, most time.Duration) (time.Duration, queue.Message) {
	t.Helper()
	for at := time.Duration(0); at <= most; at += step {
		c.Set(at)
		got, err := q.Receive(t.Context(), 10, 0)
		if err != nil || len(got) > 1 {
			t.Fatalf("after %v: %d messages, %v, want one at most", at, len(got), err)
		}
		if len(got) == 1 {
			return at, got[0]
		}
	}
	t.Fatalf("the message did not come within %v", most)
	return 0, queue.Message{}
}

func TestADelayMayBeLongerThanSQSDelays(t *testing.T) {
	for name, tc := range map[string]struct {
		delay, step, want time.Duration
		requests          int64 // to send
	}{
		"a negative one is none":        {-time.Hour, time.Second, 0, 1},
		"a part of a second is one":     {time.Millisecond, time.Second, time.Second, 1},
		"15 minutes are SQS's own":      {15 * time.Minute, time.Minute, 15 * time.Minute, 1},
		"a second more takes two steps": {15*time.Minute + time.Second, time.Second, 15*time.Minute + time.Second, 2},
		"half a day":                    {12 * time.Hour, 5 * time.Minute, 12 * time.Hour, 48},
		"a year is the contract's week": {365 * 24 * time.Hour, 15 * time.Minute, 7 * 24 * time.Hour, 672},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s, q := timed(t, stand.Attributes{Visibility: time.Minute, Retention: 14 * 24 * time.Hour, DeadLetter: "dead", MaxReceive: 10})
			if err := s.CreateQueue("dead", stand.Attributes{}); err != nil {
				t.Fatal(err)
			}
			c.Freeze(time.Now())
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: tc.delay}); err != nil {
				t.Fatal(err)
			}
			at, m := arrives(t, c, q, tc.step, tc.want+time.Hour)
			if at != tc.want || string(m.Body) != "later" || m.Deliveries != 1 {
				t.Errorf("%q came after %v, delivery %d, want %v, delivery 1", m.Body, at, m.Deliveries, tc.want)
			}
			if n := s.Desk().Counts()["send"]; n != tc.requests {
				t.Errorf("%d sends, want %d", n, tc.requests)
			}
			if d, err := s.Depth("jobs"); err != nil || d != (stand.Depth{InFlight: 1}) {
				t.Errorf("depth %+v, %v, want the one message that was received", d, err)
			}
		})
	}
}

func TestAMessageThatCannotBePostponedIsNotLost(t *testing.T) {
	for name, op := range map[string]string{"it cannot be sent again": "send", "the first cannot be deleted": "delete"} {
		t.Run(name, func(t *testing.T) {
			c, s, q := timed(t, stand.Attributes{Visibility: time.Minute})
			q.Hasten()
			c.Freeze(time.Now())
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: 20 * time.Minute}); err != nil {
				t.Fatal(err)
			}
			c.Set(15 * time.Minute)
			s.Desk().Inject(chaos.Rule{Op: op, Kind: chaos.Status, Rate: 1, Status: 403})
			if got, err := q.Receive(t.Context(), 10, 0); err == nil || len(got) != 0 {
				t.Errorf("received %d messages, %v, want none and the error", len(got), err)
			}
			s.Desk().Inject()
			c.Set(20 * time.Minute)
			got, err := q.Receive(t.Context(), 10, 0)
			if err != nil || len(got) == 0 || string(got[0].Body) != "later" {
				t.Errorf("received %+v, %v, want the message when it is due", got, err)
			}
		})
	}
}

func TestWhatIsDueComesThoughItsNeighboursAreEarly(t *testing.T) {
	c, _, q := timed(t, stand.Attributes{Visibility: time.Minute})
	c.Freeze(time.Now())
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: time.Hour}, queue.Outgoing{Body: []byte("now")}); err != nil {
		t.Fatal(err)
	}
	c.Set(15 * time.Minute)
	got, err := q.Receive(t.Context(), 10, 0)
	if err != nil || len(got) != 1 || string(got[0].Body) != "now" {
		t.Errorf("received %+v, %v, want the one that is due", got, err)
	}
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{InFlight: 1, Delayed: 1}) {
		t.Errorf("depth %+v, %v, want one at work and one delayed", d, err)
	}
}
