package sqs_test

import (
	"strconv"
	"testing"
	"time"

	stand "kodoferry/shared/emulator/sqs"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

func TestAMessageIsHeldForTwelveHoursAtMost(t *testing.T) {
	c, _, q := timed(t, stand.Attributes{Visibility: time.Hour, Retention: 14 * 24 * time.Hour})
	c.Freeze(time.Now())
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("long work")}); err != nil {
		t.Fatal(err)
	}
	got, err := q.Receive(t.Context(), 1, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("received %d messages, %v, want 1", len(got), err)
	}
	m := got[0]
	for at := time.Duration(0); at < 12*time.Hour; at += 30 * time.Minute {
		c.Set(at)
		if m, err = q.Extend(t.Context(), m, time.Hour); err != nil {
			t.Fatalf("Extend after %v = %v, want no error", at, err)
		}
	}
	c.Set(12 * time.Hour)
	if _, err := q.Extend(t.Context(), m, time.Hour); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Extend after 12 h = %v, want kind %s: SQS has let go of it", err, fault.NotFound)
	}
	if again, err := q.Receive(t.Context(), 1, 0); err != nil || len(again) != 1 || again[0].Deliveries != 2 {
		t.Errorf("received %+v, %v, want the message again", again, err)
	}
}

func TestTheBookOfReceiptsHoldsWhatIsAtWork(t *testing.T) {
	c, _, q := timed(t, stand.Attributes{Visibility: time.Minute})
	for i := range 50 {
		if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		got, err := q.Receive(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			for _, m := range got {
				if err := q.Delete(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if n := q.Held(); n != 20 {
		t.Errorf("%d messages held, want the 20 that were received and not deleted", n)
	}
	c.Advance(2 * time.Minute)
	if _, err := q.Receive(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	if n := q.Held(); n != 1 {
		t.Errorf("%d messages held, want 1: the others are visible again", n)
	}
}
