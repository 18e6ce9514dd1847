package mns_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/emulator/pile/piletest"
)

// timed starts a stand-in that goes by a clock.
func timed(t *testing.T) (*mns.Server, *pile.Clock) {
	t.Helper()
	c := &pile.Clock{}
	s := start(t, func(cfg *mns.Config) { cfg.Now = c.Now })
	c.Tick = s.Tick
	return s, c
}

func take(t *testing.T, s *mns.Server, queue string, wait time.Duration) []mns.Message {
	t.Helper()
	got, err := s.Receive(t.Context(), queue, 16, wait)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestItIsAQueueLikeAnyOther(t *testing.T) {
	piletest.Run(t, func(t *testing.T, jobs pile.Attributes) piletest.Service {
		s, c := timed(t)
		if err := s.CreateQueue("jobs", jobs); err != nil {
			t.Fatal(err)
		}
		return piletest.Service{Clock: c, Server: s}
	})
}

func TestWhatIsReceivedTooOftenGoesToTheDeadLetters(t *testing.T) {
	s, c := timed(t)
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
		c.Advance(11 * time.Second)
	}
	if got := take(t, s, "jobs", 0); len(got) != 0 {
		t.Errorf("a fourth delivery: %+v, want none", got)
	}
	if got := take(t, s, "dead", 0); len(got) != 1 || string(got[0].Body) != "x" || got[0].Dequeues != 1 {
		t.Errorf("dead letters: %+v, want the message, delivered for the first time", got)
	}
}

func TestAMessageOfHigherPriorityComesFirst(t *testing.T) {
	s := start(t)
	q := queueOf(t, s, mns.Attributes{})
	for body, priority := range map[string]int64{"low": 16, "none": 0, "high": 1} {
		if _, err := q.SendMessage(sdk.MessageSendRequest{MessageBody: body, Priority: priority}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range take(t, s, "jobs", 0) {
		got = append(got, string(m.Body))
	}
	if want := "high none low"; strings.Join(got, " ") != want {
		t.Errorf("received %q, want %s", got, want)
	}
}

func TestWhatThisProcessDoesToAQueue(t *testing.T) {
	s, c := timed(t)
	if err := s.CreateQueue("jobs", mns.Attributes{Visibility: 10 * time.Second, MaxSize: 1024}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateQueue("jobs", mns.Attributes{}); err == nil {
		t.Error("a second queue of one name = no error, want one")
	}
	if err := s.Send("jobs", make([]byte, 1025), 0); err == nil {
		t.Error("Send of more than the queue takes = no error, want one")
	}
	if err := s.Send("jobs", []byte("x"), time.Minute); err != nil {
		t.Fatal(err)
	}
	want := func(what string, want mns.Depth) {
		t.Helper()
		if d, err := s.Depth("jobs"); err != nil || d != want {
			t.Errorf("%s: depth %+v, %v, want %+v", what, d, err, want)
		}
	}
	want("a delayed message", mns.Depth{Delayed: 1})
	c.Advance(time.Minute)
	want("its delay is over", mns.Depth{Ready: 1})
	first := take(t, s, "jobs", 0)[0]
	want("received", mns.Depth{InFlight: 1})
	longer, err := s.ChangeVisibility("jobs", first.Receipt, time.Minute)
	if err != nil || longer == first.Receipt {
		t.Fatalf("ChangeVisibility = %q, %v, want a new receipt", longer, err)
	}
	c.Advance(30 * time.Second)
	want("made invisible for longer", mns.Depth{InFlight: 1})
	if err := s.Delete("jobs", first.Receipt); err == nil {
		t.Error("Delete by the old receipt = no error, want one")
	}
	if _, err := s.ChangeVisibility("jobs", longer, 0); err != nil {
		t.Fatal(err)
	}
	again := take(t, s, "jobs", 0)
	if len(again) != 1 || again[0].Dequeues != 2 {
		t.Fatalf("made visible: received %+v, want it for the second time", again)
	}
	if err := s.Delete("jobs", again[0].Receipt); err != nil {
		t.Fatal(err)
	}
	want("deleted", mns.Depth{})
	for name, err := range map[string]error{
		"Send": s.Send("none", []byte("x"), 0), "Delete": s.Delete("none", "x"),
	} {
		if err == nil || !strings.Contains(err.Error(), "QueueNotExist") {
			t.Errorf("%s to no queue = %v, want QueueNotExist", name, err)
		}
	}
}
