package world

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// queuePort is a queue as one process reaches it.
type queuePort struct {
	*Process
	pile *Pile
}

// Send implements queue.Sender.
func (q queuePort) Send(ctx context.Context, messages ...queue.Outgoing) error {
	v := q.ask(ctx, Call{Op: "send", Key: q.pile.Name, Effect: true, Sends: len(messages)})
	if v.Refused != nil {
		return v.Refused
	}
	_, err := after(v, func() (struct{}, error) {
		for i, m := range messages {
			times := 1
			if i == len(messages)/2 {
				switch v.Message {
				case Dropped:
					times = 0
				case Doubled:
					times = 2
				}
			}
			q.world.Watch.Sends(q.Process, m)
			for range times {
				q.pile.Add(m)
			}
		}
		return struct{}{}, nil
	})
	return err
}

// Depth implements queue.Queue.
func (q queuePort) Depth(ctx context.Context) (queue.Depth, error) {
	if v := q.ask(ctx, Call{Op: "depth", Key: q.pile.Name}); v.Refused != nil {
		return queue.Depth{}, v.Refused
	}
	q.world.Watch.Counted(q.Process, q.pile)
	return q.pile.depth(), nil
}

var errDriven = errors.New("the driver hands out the messages")

// Receive implements queue.Queue: nobody receives, for the driver decides who gets what.
func (q queuePort) Receive(context.Context, int, time.Duration) ([]queue.Message, error) {
	return nil, fault.New(fault.Invalid, "storm.Receive", q.pile.Name, errDriven)
}

// Extend implements queue.Queue.
func (q queuePort) Extend(context.Context, queue.Message, time.Duration) (queue.Message, error) {
	return queue.Message{}, fault.New(fault.Invalid, "storm.Extend", q.pile.Name, errDriven)
}

// Delete implements queue.Queue.
func (q queuePort) Delete(context.Context, queue.Message) error {
	return fault.New(fault.Invalid, "storm.Delete", q.pile.Name, errDriven)
}
