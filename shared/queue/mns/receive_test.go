package mns_test

import (
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	stand "kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/queuetest"
)

func TestRequestsThatOutliveTheirReceive(t *testing.T) {
	queuetest.RunPolls(t, func(t *testing.T, visibility time.Duration) queuetest.Polls {
		c := &clock{}
		s := start(t, c.now)
		c.tick = s.Tick
		return queuetest.Polls{
			Queue: open(t, s, "jobs", stand.Attributes{Visibility: visibility}), Least: time.Second, Longest: 30 * time.Second,
			Count:   func(op string) int64 { return s.Desk().Counts()[op] },
			Advance: c.advance, Stop: func() { _ = s.Close() },
		}
	})
}

func TestADamagedBodyIsNotReceived(t *testing.T) {
	s := start(t, nil)
	q := open(t, s, "jobs", stand.Attributes{Visibility: time.Second})
	const body = "0123456789012345678901234567890123456789012345678901234567890123456789"
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	s.Desk().Inject(chaos.Rule{Op: "receive", Kind: chaos.Flip, Rate: 1})
	kinds := map[fault.Kind]int{}
	for range 200 {
		got, err := q.Receive(t.Context(), 1, 0)
		kinds[fault.KindOf(err)]++
		for _, m := range got {
			if string(m.Body) != body {
				t.Fatalf("received %q, want %q or an error", m.Body, body)
			}
		}
		if err := s.Send("jobs", []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	if kinds[fault.Corrupt] == 0 {
		t.Errorf("errors by kind: %v, want some corrupt", kinds)
	}
}

func TestAskingForTheImpossibleIsInvalid(t *testing.T) {
	q := open(t, start(t, nil), "jobs", stand.Attributes{})
	for _, n := range []int{-1, 0, 17} {
		if _, err := q.Receive(t.Context(), n, 0); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Receive(%d) = %v, want kind %s", n, err, fault.Invalid)
		}
	}
	if _, err := q.Extend(t.Context(), queue.Message{Receipt: "x"}, -time.Second); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Extend by -1 s = %v, want kind %s", err, fault.Invalid)
	}
	if err := q.Delete(t.Context(), queue.Message{Receipt: "not of MNS's form"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Delete by no receipt = %v, want kind %s", err, fault.NotFound)
	}
}
