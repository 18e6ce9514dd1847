package app_test

import (
	"context"
	"testing"
	"time"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// TestATaskOfANewerVersionReachesANewerProcessWithinSeconds lets a process that
// cannot read it and one that can serve one queue on a clock of the test.
func TestATaskOfANewerVersionReachesANewerProcessWithinSeconds(t *testing.T) {
	for name, tc := range map[string]struct {
		alone time.Duration // how long the older one is alone with it
		most  time.Duration // how late the newer process gets it at most, once it is there
		sends int64         // how often the older one has sent it back by then, at most
	}{
		"beside it from the beginning": {0, 5 * time.Second, 4},
		"it joins within the minute":   {40 * time.Second, 30 * time.Second, 7},
		"it joins after an hour":       {time.Hour, 30 * time.Second, 130},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			for _, queue := range []string{"ferry-list", "ferry-dead"} {
				if err := o.mns.Send(queue, []byte(`{"v":99,"kind":7,"to":"`+queue+`"}`), 0); err != nil {
					t.Fatal(err)
				}
			}
			var back int64
			for waited := time.Duration(0); waited < tc.alone; waited += time.Second {
				back += o.refuse(t)
				o.advance(time.Second)
			}
			got := map[string]time.Duration{}
			for waited := time.Duration(0); len(got) < 2 && waited <= tc.most; waited += time.Second {
				if waited == 0 {
					back += o.refuse(t) // the older one comes first
				}
				for _, queue := range []string{"ferry-list", "ferry-dead"} {
					for _, m := range o.receive(t, queue) {
						if m.Dequeues != 1 {
							t.Errorf("it comes for the %d. time, want a message of its own each time: deliveries end in the dead letters", m.Dequeues)
						}
						got[queue] = waited
						if err := o.mns.Delete(queue, m.Receipt); err != nil {
							t.Fatal(err)
						}
					}
				}
				o.advance(time.Second)
			}
			if len(got) != 2 || back > 2*tc.sends {
				t.Errorf("the newer process got %v after the older one had sent back %d, want both within %v and %d each at most", got, back, tc.most, tc.sends)
			}
		})
	}
}

func (o *office) receive(t *testing.T, queue string) []mns.Message {
	t.Helper()
	got, err := o.mns.Receive(t.Context(), queue, 16, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// refuse lets a process that cannot read them have what there is, and returns how
// many messages it sent back.
func (o *office) refuse(t *testing.T) (back int64) {
	t.Helper()
	for queueName, do := range map[string]func(context.Context, queue.Message) error{"ferry-list": o.deploy.Worker(task.Listing).Process, "ferry-dead": o.deploy.Worker("").Bury} {
		for _, m := range o.receive(t, queueName) {
			if err := o.deploy.Settle(t.Context(), queueName, queue.Message{ID: m.ID, Body: m.Body, Deliveries: m.Dequeues}, do); err != nil {
				t.Fatal(err)
			}
			if err := o.mns.Delete(queueName, m.Receipt); err != nil {
				t.Fatal(err)
			}
			back++
		}
	}
	return back
}
