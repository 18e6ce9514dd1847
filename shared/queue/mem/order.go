package mem

import (
	"container/heap"
	"time"
)

// fifo holds the messages that are ready. Those before head are gone.
type fifo struct {
	items []*item
	head  int
}

func (f *fifo) len() int { return len(f.items) - f.head }

func (f *fifo) push(it *item) { f.items = append(f.items, it) }

// front moves the i-th message to the front, and the first to its place.
func (f *fifo) front(i int) {
	i += f.head
	f.items[f.head], f.items[i] = f.items[i], f.items[f.head]
}

func (f *fifo) pop() *item {
	it := f.items[f.head]
	f.items[f.head] = nil
	f.head++
	if f.head > 64 && f.head > len(f.items)/2 { // moves each message once on average
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	return it
}

// schedule holds the hidden messages, the one that is due first on top. Its
// exported methods are those of heap.Interface.
type schedule struct{ items []*item }

func (s *schedule) Len() int { return len(s.items) }

func (s *schedule) Less(i, j int) bool { return s.items[i].due.Before(s.items[j].due) }

func (s *schedule) Swap(i, j int) {
	s.items[i], s.items[j] = s.items[j], s.items[i]
	s.items[i].index, s.items[j].index = i, j
}

func (s *schedule) Push(x any) {
	it := x.(*item)
	it.index = len(s.items)
	s.items = append(s.items, it)
}

func (s *schedule) Pop() any {
	last := len(s.items) - 1
	it := s.items[last]
	s.items[last] = nil
	s.items = s.items[:last]
	return it
}

func (s *schedule) add(it *item) { heap.Push(s, it) }

func (s *schedule) remove(i int) *item { return heap.Remove(s, i).(*item) }

// next says when the first message is due, false if there is none.
func (s *schedule) next() (time.Time, bool) {
	if len(s.items) == 0 {
		return time.Time{}, false
	}
	return s.items[0].due, true
}
