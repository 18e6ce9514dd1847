package fc

import (
	"context"
	"time"

	"kodoferry/shared/emulator/mns"
)

// MNS is a queue of the stand-in for MNS, for streams. The stand-in is asked
// directly, as EventBridge asks MNS inside the cloud: without keys and
// requests, so that its Desk neither counts nor disturbs it. Its Misbehave does.
func MNS(s *mns.Server, name string) Queue { return mnsQueue{s, name} }

type mnsQueue struct {
	s    *mns.Server
	name string
}

func (q mnsQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]Message, error) {
	got, err := q.s.Receive(ctx, q.name, most, wait)
	if err != nil {
		return nil, err
	}
	messages := make([]Message, len(got))
	for i, m := range got {
		messages[i] = Message{ID: m.ID, Body: m.Body, Receipt: m.Receipt, Dequeues: m.Dequeues, Sent: m.Sent}
	}
	return messages, nil
}

func (q mnsQueue) Delete(receipt string) error { return q.s.Delete(q.name, receipt) }
func (q mnsQueue) Send(body []byte) error      { return q.s.Send(q.name, body, 0) }
