package fc

import (
	"context"
	"time"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/sqs"
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

// SQS is a queue of the stand-in for SQS, for event source mappings. It is
// asked directly, too. What is received too often goes where the queue's own
// redrive policy says.
func SQS(s *sqs.Server, name string) Queue { return sqsQueue{s, name} }

type sqsQueue struct {
	s    *sqs.Server
	name string
}

// pollOf is what one request to SQS returns at most.
const pollOf = 10

func (q sqsQueue) Receive(ctx context.Context, most int, wait time.Duration) ([]Message, error) {
	got, err := q.s.Receive(ctx, q.name, min(most, pollOf), wait)
	if err != nil {
		return nil, err
	}
	messages := make([]Message, len(got))
	for i, m := range got {
		messages[i] = Message{ID: m.ID, Body: m.Body, Receipt: m.Receipt, Dequeues: m.Dequeues, Sent: m.Sent, First: m.First, Attributes: map[string]Attribute{}}
		for name, a := range m.Attributes {
			messages[i].Attributes[name] = Attribute{a.Type, a.Value}
		}
	}
	return messages, nil
}

func (q sqsQueue) Delete(receipt string) error { return q.s.Delete(q.name, receipt) }
func (q sqsQueue) Send(body []byte) error      { return q.s.Send(q.name, body, 0) }
