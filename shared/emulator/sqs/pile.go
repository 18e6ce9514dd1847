package sqs

import (
	"cmp"
	"container/heap"
)

// pile is a heap of messages that knows where each of them is. Its exported
// methods are those of heap.Interface.
type pile struct {
	items []*message
}

// Less orders by when a message gets visible, then as it came. SQS keeps
// neither across its servers; Misbehave does as badly.
func (p *pile) Less(i, j int) bool {
	a, b := p.items[i], p.items[j]
	return cmp.Or(a.visible.Compare(b.visible), cmp.Compare(a.order, b.order)) < 0
}

// Len implements heap.Interface.
func (p *pile) Len() int { return len(p.items) }

// Swap implements heap.Interface.
func (p *pile) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].at, p.items[j].at = i, j
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	m := x.(*message)
	m.at = len(p.items)
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

func (p *pile) add(m *message)    { heap.Push(p, m) }
func (p *pile) remove(m *message) { heap.Remove(p, m.at) }
func (p *pile) moved(m *message)  { heap.Fix(p, m.at) }

// top is the first message, nil if there is none.
func (p *pile) top() *message {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}
