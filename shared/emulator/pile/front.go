package pile

import "kodoferry/shared/emulator/chaos"

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

// Account is the id of the account that owns the queues.
func (f Front) Account() string { return f.account }

// Region is where the queues are.
func (f Front) Region() string { return f.region }

// Desk counts requests and injects faults, by operations that Server names.
func (f Front) Desk() *chaos.Desk { return f.desk }
