package mns_test

import (
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mns"
)

func TestAQueueIsMadeAndDroppedWithWhatItHolds(t *testing.T) {
	s := start(t, time.Now)
	q := reopen(t, s, "scratch")
	if _, err := q.Visibility(t.Context()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Visibility of no queue = %v, want NotFound", err)
	}
	if err := q.Create(t.Context(), 4*time.Second); err != nil {
		t.Fatal(err)
	}
	if d, err := q.Visibility(t.Context()); d != 4*time.Second || err != nil {
		t.Errorf("Visibility = %v, %v, want 4s", d, err)
	}
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := q.Drop(t.Context()); err != nil {
			t.Errorf("Drop = %v, want no error, also of what is gone", err)
		}
	}
	if err := q.Check(t.Context()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Check after Drop = %v, want NotFound", err)
	}
	stranger := reopen(t, s, "scratch", func(c *mns.Config) {
		c.Credentials = func() mns.Credentials { return mns.Credentials{AccessKeyID: "id", AccessKeySecret: "wrong"} }
	})
	if err := stranger.Create(t.Context(), time.Second); fault.KindOf(err) != fault.Denied {
		t.Errorf("Create with a wrong secret = %v, want Denied", err)
	}
}
