package storm

import (
	"bytes"
	"strconv"
	"time"

	"kodoferry/shared/queue"
)

// pile is what is in a queue. Any message that is visible may be handed out, in
// any order. Time is the bubble's.
type pile struct {
	name     string
	serial   int
	messages []*message // in the order in which they were sent
}

// message is one message of a pile.
type message struct {
	queue.Message
	due    time.Time // it is invisible until then
	flying bool      // handed out, and neither done nor given back
}

// visible reports whether m may be handed out.
func (m *message) visible(now time.Time) bool { return !m.due.After(now) }

func (p *pile) add(m queue.Outgoing) {
	p.serial++
	now := time.Now()
	p.messages = append(p.messages, &message{
		Message: queue.Message{ID: p.name + strconv.Itoa(p.serial), Body: bytes.Clone(m.Body), Sent: now},
		due:     now.Add(m.Delay),
	})
}

// take hands m out for as long as hidden says.
func (p *pile) take(m *message, hidden time.Duration) queue.Message {
	m.Deliveries++
	m.flying, m.due = true, time.Now().Add(hidden)
	return m.Message
}

// remove takes m out for good.
func (p *pile) remove(m *message) {
	for i, other := range p.messages {
		if other == m {
			p.messages = append(p.messages[:i:i], p.messages[i+1:]...)
			return
		}
	}
}

// giveBack makes m visible again after wait.
func (p *pile) giveBack(m *message, wait time.Duration) {
	m.flying, m.due = false, time.Now().Add(wait)
}

// next is when the first message that is not visible becomes so.
func (p *pile) next(now time.Time) (at time.Time, ok bool) {
	for _, m := range p.messages {
		if !m.visible(now) && (!ok || m.due.Before(at)) {
			at, ok = m.due, true
		}
	}
	return at, ok
}

func (p *pile) depth() (d queue.Depth) {
	now := time.Now()
	for _, m := range p.messages {
		switch {
		case m.visible(now):
			d.Ready++
		case m.flying:
			d.InFlight++
		default:
			d.Delayed++
		}
	}
	return d
}
