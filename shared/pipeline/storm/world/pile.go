package world

import (
	"bytes"
	"strconv"
	"time"

	"kodoferry/shared/queue"
)

// Pile is what is in a queue. Any message that is visible may be handed out, in
// any order. Time is the bubble's.
type Pile struct {
	Name     string
	serial   int
	Messages []*Message // in the order in which they were sent
}

// Message is one message of a pile.
type Message struct {
	queue.Message
	Due    time.Time // the message is invisible until then
	Flying bool      // handed out, and neither done nor given back
}

// Visible reports whether m may be handed out.
func (m *Message) Visible(now time.Time) bool { return !m.Due.After(now) }

func (p *Pile) Add(m queue.Outgoing) {
	p.serial++
	now := time.Now()
	p.Messages = append(p.Messages, &Message{
		Message: queue.Message{ID: p.Name + strconv.Itoa(p.serial), Body: bytes.Clone(m.Body), Sent: now},
		Due:     now.Add(m.Delay),
	})
}

// Take hands m out for as long as hidden says.
func (p *Pile) Take(m *Message, hidden time.Duration) queue.Message {
	m.Deliveries++
	m.Flying, m.Due = true, time.Now().Add(hidden)
	return m.Message
}

// Remove takes m out for good.
func (p *Pile) Remove(m *Message) {
	for i, other := range p.Messages {
		if other == m {
			p.Messages = append(p.Messages[:i:i], p.Messages[i+1:]...)
			return
		}
	}
}

// GiveBack makes m visible again after wait.
func (p *Pile) GiveBack(m *Message, wait time.Duration) {
	m.Flying, m.Due = false, time.Now().Add(wait)
}

// Next is when the first message that is not visible becomes so.
func (p *Pile) Next(now time.Time) (at time.Time, ok bool) {
	for _, m := range p.Messages {
		if !m.Visible(now) && (!ok || m.Due.Before(at)) {
			at, ok = m.Due, true
		}
	}
	return at, ok
}

func (p *Pile) depth() (d queue.Depth) {
	now := time.Now()
	for _, m := range p.Messages {
		switch {
		case m.Visible(now):
			d.Ready++
		case m.Flying:
			d.InFlight++
		default:
			d.Delayed++
		}
	}
	return d
}
