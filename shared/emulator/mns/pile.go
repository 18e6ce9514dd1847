package mns

import (
	"cmp"
	"time"
)

// pile is a heap of messages, the next visible one on top.
type pile []*message

func compare(a, b *message) int {
	return cmp.Or(a.visible.Compare(b.visible), cmp.Compare(a.order, b.order))
}

func (p pile) Len() int           { return len(p) }
func (p pile) Less(i, j int) bool { return compare(p[i], p[j]) < 0 }
func (p pile) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].at, p[j].at = i, j
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	m := x.(*message)
	m.at = len(*p)
	*p = append(*p, m)
}

// Pop implements heap.Interface.
func (p *pile) Pop() any {
	last := len(*p) - 1
	m := (*p)[last]
	(*p)[last] = nil
	*p = (*p)[:last]
	return m
}

// youngest is the visible message that was sent last, among the first few.
func (p pile) youngest(now time.Time) *message {
	m := p[0]
	for _, other := range p[:min(len(p), 64)] {
		if !other.visible.After(now) && other.order > m.order {
			m = other
		}
	}
	return m
}
