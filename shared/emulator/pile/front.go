package pile

import (
	"context"
	"time"

	"kodoferry/shared/emulator/chaos"
)

// Front is what every stand-in for queues shows of itself, beside its protocol. A stand-in
// embeds it.
type Front struct {
	queues          *Service
	desk            *chaos.Desk
	account, region string
}

// NewFront is the front of a stand-in, whose desk counts its requests.
func NewFront(queues *Service, desk *chaos.Desk, account, region string) Front {
	return Front{queues: queues, desk: desk, account: account, region: region}
}

// Close ends every connection and every wait for a message.
func (f Front) Close() error { return f.queues.Close() }

// Endpoint is where it serves, as http://127.0.0.1:port.
func (f Front) Endpoint() string { return f.queues.Endpoint() }

// Tick tells those who wait for messages that Config.Now has jumped.
func (f Front) Tick() { f.queues.Tick() }

// Misbehave makes every queue behave so from now on.
func (f Front) Misbehave(m Misbehaviour) { f.queues.Misbehave(m) }

// Injected returns what Misbehave did so far.
func (f Front) Injected() Injected { return f.queues.Injected() }

// Queues returns the names of all queues, in order.
func (f Front) Queues() []string { return f.queues.Queues() }

// CreateQueue makes a queue, as a request would.
func (f Front) CreateQueue(name string, a Attributes) error {
	if err := f.queues.rules.CheckName(name); err != nil {
		return err
	}
	return f.queues.Create(name, a.WithDefaults(f.queues.rules.MaxSize))
}

// Queue finds the queue of a name. The error is that of Rules.
func (f Front) Queue(name string) (*Queue, error) {
	q, ok := f.queues.Queue(name)
	if !ok {
		return nil, f.queues.rules.NoQueue
	}
	return q, nil
}

// Depth counts the messages of a queue.
func (f Front) Depth(name string) (Depth, error) {
	q, err := f.Queue(name)
	if err != nil {
		return Depth{}, err
	}
	return q.Depth(), nil
}

// Send sends a message as a request would, without one: what a request is refused for is
// refused. A negative delay is the queue's own.
func (f Front) Send(name string, body []byte, delay time.Duration) error {
	q, err := f.Queue(name)
	if err != nil {
		return err
	}
	if err := f.queues.rules.CheckBody(q, string(body)); err != nil {
		return err
	}
	q.Send(Message{Body: string(body), Priority: f.queues.rules.Priority}, delay)
	return nil
}

// Delete removes a message by its receipt.
func (f Front) Delete(name, receipt string) error {
	q, err := f.Queue(name)
	if err != nil {
		return err
	}
	return f.queues.rules.Remove(q, receipt)
}

// Bodies takes up to most messages, waiting up to wait for the first, and returns what is in
// them.
func (f Front) Bodies(ctx context.Context, name string, most int, wait time.Duration) (bodies []string, err error) {
	q, err := f.Queue(name)
	if err != nil {
		return nil, err
	}
	for _, m := range q.Receive(ctx, most, wait, -1) {
		bodies = append(bodies, m.Body)
	}
	return bodies, nil
}

// Take takes all messages that are visible, and removes them.
func (f Front) Take(ctx context.Context, name string) (bodies []string, err error) {
	q, err := f.Queue(name)
	if err != nil {
		return nil, err
	}
	for _, m := range q.Receive(ctx, q.Depth().Ready, 0, -1) {
		bodies = append(bodies, m.Body)
		q.Delete(m.Receipt)
	}
	return bodies, nil
}

// Account is the id of the account that owns the queues.
func (f Front) Account() string { return f.account }

// Region is where the queues are.
func (f Front) Region() string { return f.region }

// Desk counts requests and injects faults, by operations that Server names.
func (f Front) Desk() *chaos.Desk { return f.desk }
