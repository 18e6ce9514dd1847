package mns_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"kodoferry/shared/emulator/mns"
)

// naive is a queue written down with no thought of speed.
type naive struct {
	now      time.Time
	messages map[string]*told // by body
	receipts map[string]string
}

type told struct {
	visible  time.Time
	receipt  string
	dequeues int
}

func (n *naive) depth() (d mns.Depth) {
	for _, m := range n.messages {
		switch {
		case !m.visible.After(n.now):
			d.Ready++
		case m.dequeues > 0:
			d.InFlight++
		default:
			d.Delayed++
		}
	}
	return d
}

// owner is the message that a receipt is good for, nil if for none.
func (n *naive) owner(receipt string) *told {
	m := n.messages[n.receipts[receipt]]
	if m == nil || m.receipt != receipt || !m.visible.After(n.now) {
		return nil
	}
	return m
}

func TestItAgreesWithANaiveQueue(t *testing.T) {
	const seed, steps = 7, 6_000
	r := rand.New(rand.NewPCG(seed, seed))
	n := &naive{now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), messages: map[string]*told{}, receipts: map[string]string{}}
	s := start(t, func(c *mns.Config) { c.Now = func() time.Time { return n.now } })
	if err := s.CreateQueue("jobs", mns.Attributes{Visibility: time.Minute, Retention: 7 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	var known []string // receipts, good ones and others
	for step := range steps {
		receipt := ""
		if len(known) > 0 {
			receipt = known[r.IntN(len(known))]
		}
		owner := n.owner(receipt)
		switch op := r.IntN(6); {
		case op == 0 || op == 1:
			body, delay := strconv.Itoa(step), time.Duration(r.IntN(3))*time.Minute
			if err := s.Send("jobs", []byte(body), delay); err != nil {
				t.Fatal(err)
			}
			n.messages[body] = &told{visible: n.now.Add(delay)}
		case op == 2:
			n.now = n.now.Add(time.Duration(r.IntN(30)) * time.Second)
		case op == 3 && receipt != "":
			d := time.Duration(r.IntN(90)) * time.Second
			longer, err := s.ChangeVisibility("jobs", receipt, d)
			if (err == nil) != (owner != nil) {
				t.Fatalf("seed %d, step %d: ChangeVisibility = %v, want the receipt to be good: %v", seed, step, err, owner != nil)
			}
			if owner != nil {
				owner.receipt, owner.visible = longer, n.now.Add(d)
				n.receipts[longer] = n.receipts[receipt]
				known = append(known, longer)
			}
		case op == 4 && receipt != "":
			if err := s.Delete("jobs", receipt); (err == nil) != (owner != nil) {
				t.Fatalf("seed %d, step %d: Delete = %v, want the receipt to be good: %v", seed, step, err, owner != nil)
			}
			if owner != nil {
				delete(n.messages, n.receipts[receipt])
			}
		default:
			known = append(known, n.receive(t, s, step)...)
			known = known[max(0, len(known)-50):]
		}
	}
}

// receive checks that s gives what the model says is visible.
func (n *naive) receive(t *testing.T, s *mns.Server, step int) (receipts []string) {
	t.Helper()
	want := n.depth()
	if d, err := s.Depth("jobs"); err != nil || d != want {
		t.Fatalf("step %d: depth %+v, %v, want %+v", step, d, err, want)
	}
	got, err := s.Receive(t.Context(), "jobs", 3, 0)
	if err != nil || len(got) != min(3, want.Ready) {
		t.Fatalf("step %d: Receive(3) = %d messages, %v, want %d", step, len(got), err, min(3, want.Ready))
	}
	for _, g := range got {
		m := n.messages[string(g.Body)]
		if m == nil || m.visible.After(n.now) || g.Dequeues != m.dequeues+1 {
			t.Fatalf("step %d: received %q for the time %d, want it visible, there, and counted: %+v", step, g.Body, g.Dequeues, m)
		}
		m.receipt, m.visible, m.dequeues = g.Receipt, n.now.Add(time.Minute), g.Dequeues
		n.receipts[g.Receipt] = string(g.Body)
		receipts = append(receipts, g.Receipt)
	}
	return receipts
}
