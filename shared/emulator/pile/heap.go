package pile

import (
	"cmp"
	"container/heap"
)

// pile is a heap of messages that knows where each of them is. Its exported
// methods are those of heap.Interface.
type pile struct {
	items []*Message
	order func(a, b *Message) int
}

// ready is the order of what is visible: by priority, then as it came. No service
// keeps either across its servers; Misbehave does as badly.
func ready(a, b *Message) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), due(a, b))
}

// due is the order of what is hidden: what gets visible next is on top.
func due(a, b *Message) int {
	return cmp.Or(a.Visible.Compare(b.Visible), cmp.Compare(a.order, b.order))
}

func (p *pile) Len() int           { return len(p.items) }
func (p *pile) Less(i, j int) bool { return p.order(p.items[i], p.items[j]) < 0 }
func (p *pile) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].at, p.items[j].at = i, j
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	m := x.(*Message)
	m.at, m.pile = len(p.items), p
	p.items = append(p.items, m)
}

// Pop implements heap.Interface.
func (p *pile) Pop() any {
	last := len(p.items) - 1
	m := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	return m
}

func (p *pile) add(m *Message) { heap.Push(p, m) }

// top is the first message, nil if there is none.
func (p *pile) top() *Message {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}

// youngest is the message that was sent last, among the first few; nil if
// there is none.
func (p *pile) youngest() *Message {
	m := p.top()
	for _, other := range p.items[:min(len(p.items), 64)] {
		if other.order > m.order {
			m = other
		}
	}
	return m
}

// remove takes m out of the pile that it is in.
func (m *Message) remove() {
	heap.Remove(m.pile, m.at)
	m.pile = nil
}
