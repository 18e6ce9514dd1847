package mns

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// defaultPriority is that of messages that name none; 1 is the highest, 16 the
// lowest (MNS, SendMessage).
const defaultPriority = 8

// message is one in a queue.
type message struct {
	id, body, sum        string
	receipt              string    // of a hidden one that was received, or delayed by its sender
	sent, first, visible time.Time // first: when it was received first
	dequeues, priority   int
	order                int64
	twin                 bool  // a duplicate, which is not duplicated again
	pile                 *pile // where it is
	at                   int   // its place there
}

// queue is one queue.
type queue struct {
	s       *Server
	name    string
	created time.Time

	mu            sync.Mutex
	attr          Attributes
	modified      time.Time
	ready, hidden *pile
	held          map[string]*message // hidden ones by receipt
	order         int64
	changed       chan struct{} // closed when a message may have become visible
}

func newQueue(s *Server, name string, a Attributes) *queue {
	now := s.cfg.Now()
	return &queue{
		s: s, name: name, created: now, modified: now, attr: a.withDefaults(),
		ready: &pile{order: ready}, hidden: &pile{order: due}, held: map[string]*message{}, changed: make(chan struct{}),
	}
}

// send puts a message in; delay below 0 is the queue's own. One that is to be
// lost is answered for like any other.
func (q *queue) send(body string, delay time.Duration, priority int) message {
	now := q.s.cfg.Now()
	sum := md5.Sum([]byte(body))
	m := &message{id: q.s.name(), body: body, sum: hex.EncodeToString(sum[:]), sent: now, priority: priority}
	if q.s.chance(func(b Misbehaviour) float64 { return b.Lose }, func(i *Injected) *int { return &i.Lost }) {
		return *m
	}
	late := time.Duration(0)
	if q.s.chance(func(b Misbehaviour) float64 { return b.Late }, func(i *Injected) *int { return &i.Late }) {
		late = q.s.lateBy()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if delay < 0 {
		delay = q.attr.Delay
	}
	if delay > 0 { // its sender may take it back (SDK v1.0.6, MessageSendResponse)
		m.receipt = q.s.receipt()
		q.held[m.receipt] = m
	}
	m.visible = now.Add(delay + late)
	q.put(m, now)
	return *m
}

// check refuses a body of a size that the queue does not take.
func (q *queue) check(size int) *refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	if size == 0 || size > q.attr.MaxSize {
		return badArgument("the size of MessageBody")
	}
	return nil
}

// put adds a new message and wakes who waits. The queue's lock is held.
func (q *queue) put(m *message, now time.Time) {
	q.order++
	m.order = q.order
	if m.visible.After(now) {
		q.hidden.add(m)
	} else {
		q.ready.add(m)
	}
	q.wake()
}

func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// promote makes ready what is due, which ends its receipt, and returns the
// time by which it was. The queue's lock is held.
func (q *queue) promote() time.Time {
	now := q.s.cfg.Now()
	for m := q.hidden.top(); m != nil && !m.visible.After(now); m = q.hidden.top() {
		m.remove()
		delete(q.held, m.receipt)
		m.receipt = ""
		q.ready.add(m)
	}
	return now
}

// receive takes up to most visible messages, waiting up to wait for the first:
// by Config.Now or by the real clock, whichever is over first.
func (q *queue) receive(ctx context.Context, most int, wait time.Duration) []message {
	begun, until := time.Now(), q.s.cfg.Now().Add(wait)
	for {
		got, next, changed := q.take(most)
		now := q.s.cfg.Now()
		pause := min(wait-time.Since(begun), until.Sub(now))
		if len(got) > 0 || pause <= 0 {
			return got
		}
		if !next.IsZero() {
			pause = min(pause, max(next.Sub(now), time.Millisecond))
		}
		alarm := time.NewTimer(pause)
		select {
		case <-changed:
		case <-alarm.C:
		case <-q.s.closed:
			alarm.Stop()
			return nil
		case <-ctx.Done():
			alarm.Stop()
			return nil
		}
		alarm.Stop()
	}
}

// take receives what is visible now. next is when another message gets
// visible, zero if none is hidden.
func (q *queue) take(most int) (got []message, next time.Time, changed <-chan struct{}) {
	var dead []*message
	defer func() { // with the lock let go: another queue's may be wanted
		for _, m := range dead {
			q.bury(m)
		}
	}()
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	var twins []*message
	for len(got) < most && q.ready.Len() > 0 {
		m := q.pick()
		m.remove()
		switch {
		case now.Sub(m.sent) > q.attr.Retention:
			continue
		case q.attr.DeadLetter != "" && m.dequeues >= q.attr.MaxReceive:
			dead = append(dead, m)
			continue
		}
		if m.dequeues++; m.dequeues == 1 {
			m.first = now
		}
		q.hide(m, now.Add(q.attr.Visibility))
		got = append(got, *m)
		if !m.twin && q.s.chance(func(b Misbehaviour) float64 { return b.Duplicate }, func(i *Injected) *int { return &i.Duplicated }) {
			twin := *m
			twin.receipt, twin.visible, twin.twin = "", now, true
			twins = append(twins, &twin)
		}
	}
	for _, m := range twins {
		q.put(m, now)
	}
	if m := q.hidden.top(); m != nil {
		next = m.visible
	}
	return got, next, q.changed
}

// pick chooses what is received next. The queue's lock is held, and something is ready.
func (q *queue) pick() *message {
	m, young := q.ready.top(), q.ready.youngest()
	if young != m && q.s.chance(func(b Misbehaviour) float64 { return b.Reorder }, func(i *Injected) *int { return &i.Reordered }) {
		return young
	}
	return m
}

// hide keeps m, which is in no pile, invisible until then, under a new
// receipt. The queue's lock is held.
func (q *queue) hide(m *message, until time.Time) {
	m.receipt, m.visible = q.s.receipt(), until
	q.held[m.receipt] = m
	q.hidden.add(m)
}

// bury moves m to the dead-letter queue, where it begins anew under its id.
// Where that queue does not exist the message is lost.
func (q *queue) bury(m *message) {
	q.mu.Lock()
	name := q.attr.DeadLetter
	q.mu.Unlock()
	to, err := q.s.queue(name)
	if err != nil || to == q {
		return
	}
	now := q.s.cfg.Now()
	to.mu.Lock()
	defer to.mu.Unlock()
	to.put(&message{id: m.id, body: m.body, sum: m.sum, sent: now, visible: now, priority: m.priority}, now)
}

// peek looks at up to most visible messages and takes none.
func (q *queue) peek(most int) (got []message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	sorted := slices.SortedFunc(slices.Values(q.ready.items), ready)
	for _, m := range sorted {
		if len(got) < most && now.Sub(m.sent) <= q.attr.Retention {
			got = append(got, *m)
		}
	}
	return got
}

// owned finds the message of a receipt. The queue's lock is held.
func (q *queue) owned(receipt string) (*message, error) {
	if !wellFormed(receipt) {
		return nil, errReceipt
	}
	q.promote()
	m, ok := q.held[receipt]
	if !ok {
		return nil, errNoMessage
	}
	return m, nil
}

func (q *queue) delete(receipt string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, err := q.owned(receipt)
	if err != nil {
		return err
	}
	delete(q.held, receipt)
	m.remove()
	return nil
}

// extend makes a message invisible for d from now, under a new receipt.
func (q *queue) extend(receipt string, d time.Duration) (message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, err := q.owned(receipt)
	if err != nil {
		return message{}, err
	}
	delete(q.held, receipt)
	m.remove()
	q.hide(m, q.s.cfg.Now().Add(d))
	q.wake()
	return *m, nil
}

// depth counts. What is past its retention is not there.
func (q *queue) depth() (d Depth) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	for _, m := range q.ready.items {
		if now.Sub(m.sent) <= q.attr.Retention {
			d.Active++
		}
	}
	for _, m := range q.hidden.items {
		if m.dequeues > 0 {
			d.Inactive++
		} else {
			d.Delayed++
		}
	}
	return d
}
