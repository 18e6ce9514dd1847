package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// message is one in a queue.
type message struct {
	id, body, sum        string
	attributes           map[string]attribute // those its sender gave
	receipt              string               // of its last delivery; "" before the first
	sent, first, visible time.Time            // first: when it was received first
	received             time.Time            // when it was received last
	dequeues             int
	order                int64
	twin                 bool // a duplicate, which is not duplicated again
	at                   int  // its place in the pile
}

// queue is one standard queue.
type queue struct {
	s       *Server
	name    string
	created time.Time

	mu       sync.Mutex
	attr     Attributes
	modified time.Time
	purged   time.Time // last
	pile     pile
	receipts map[string]*message // by the receipt of their last delivery
	order    int64
	changed  chan struct{} // closed when a message may have become visible
}

func newQueue(s *Server, name string, a Attributes) *queue {
	now := s.cfg.Now()
	return &queue{s: s, name: name, created: now, modified: now, attr: a.withDefaults(), receipts: map[string]*message{}, changed: make(chan struct{})}
}

// send puts a message in; delay below 0 is the queue's own. One that is to be
// lost is answered for like any other.
func (q *queue) send(body string, attributes map[string]attribute, delay time.Duration) message {
	now := q.s.cfg.Now()
	sum := md5.Sum([]byte(body))
	m := &message{id: q.s.name(), body: body, sum: hex.EncodeToString(sum[:]), attributes: attributes, sent: now}
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
	m.visible = now.Add(delay + late)
	q.put(m)
	return *m
}

// put adds a new message and wakes who waits. The queue's lock is held.
func (q *queue) put(m *message) {
	q.order++
	m.order = q.order
	q.pile.add(m)
	q.wake()
}

func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// receive takes up to most visible messages, hides them for visibility (below
// 0: the queue's own), and waits up to wait for the first: by Config.Now or by
// the real clock, whichever is over first.
func (q *queue) receive(ctx context.Context, most int, wait, visibility time.Duration) []message {
	begun, until := time.Now(), q.s.cfg.Now().Add(wait)
	for {
		got, next, changed := q.take(most, visibility)
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
func (q *queue) take(most int, visibility time.Duration) (got []message, next time.Time, changed <-chan struct{}) {
	var dead []*message
	defer func() { // with the lock let go: another queue's may be wanted
		for _, m := range dead {
			q.bury(m)
		}
	}()
	q.mu.Lock()
	defer q.mu.Unlock()
	if visibility < 0 {
		visibility = q.attr.Visibility
	}
	now := q.s.cfg.Now()
	var twins []*message
	for len(got) < most {
		m := q.pick(now)
		if m == nil {
			break
		}
		switch {
		case now.Sub(m.sent) > q.attr.Retention:
			q.forget(m)
			continue
		case q.attr.DeadLetter != "" && m.dequeues >= q.attr.MaxReceive:
			q.forget(m)
			dead = append(dead, m)
			continue
		}
		q.deliver(m, now, visibility)
		got = append(got, *m)
		if !m.twin && q.s.chance(func(b Misbehaviour) float64 { return b.Duplicate }, func(i *Injected) *int { return &i.Duplicated }) {
			twin := *m
			twin.receipt, twin.visible, twin.twin = "", now, true
			twins = append(twins, &twin)
		}
	}
	for _, m := range twins {
		q.put(m)
	}
	if m := q.pile.top(); m != nil {
		next = m.visible
	}
	return got, next, q.changed
}

// pick chooses what is received next, nil where nothing is visible. The
// queue's lock is held.
func (q *queue) pick(now time.Time) *message {
	m := q.pile.top()
	if m == nil || m.visible.After(now) {
		return nil
	}
	young := m // that was sent last, among the first few
	for _, other := range q.pile.items[:min(len(q.pile.items), 64)] {
		if other.order > young.order && !other.visible.After(now) {
			young = other
		}
	}
	if young != m && q.s.chance(func(b Misbehaviour) float64 { return b.Reorder }, func(i *Injected) *int { return &i.Reordered }) {
		return young
	}
	return m
}

// deliver gives m a new receipt and hides it. The queue's lock is held.
func (q *queue) deliver(m *message, now time.Time, visibility time.Duration) {
	delete(q.receipts, m.receipt)
	m.receipt, m.received, m.visible = q.s.receipt(m.id), now, now.Add(visibility)
	q.receipts[m.receipt] = m
	if m.dequeues++; m.dequeues == 1 {
		m.first = now
	}
	q.pile.moved(m)
}

// forget takes m out. The queue's lock is held.
func (q *queue) forget(m *message) {
	delete(q.receipts, m.receipt)
	q.pile.remove(m)
}

// bury moves m to the dead-letter queue under its id and the time it was sent
// first, which its retention counts from there, too (SQS developer guide,
// "Dead-letter queues"). Where that queue does not exist the message is lost.
func (q *queue) bury(m *message) {
	q.mu.Lock()
	name := q.attr.DeadLetter
	q.mu.Unlock()
	to, err := q.s.queue(name)
	if err != nil || to == q {
		return
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	to.put(&message{id: m.id, body: m.body, sum: m.sum, attributes: m.attributes, sent: m.sent, visible: q.s.cfg.Now()})
}

// delete removes the message of a receipt. As SQS does, it says yes to any
// receipt of its form: that of the last delivery removes the message even if it
// is visible again, an older one removes nothing.
func (q *queue) delete(receipt string) error {
	if !wellFormed(receipt) {
		return errReceipt
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if m, ok := q.receipts[receipt]; ok {
		q.forget(m)
	}
	return nil
}

// extend makes a message invisible for d from now; its receipt stays. As SQS
// does, it says yes and changes nothing if the message is visible again, and
// refuses what goes beyond 12 hours since the message was received.
func (q *queue) extend(receipt string, d time.Duration) error {
	if !wellFormed(receipt) {
		return errReceipt
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	m, ok := q.receipts[receipt]
	switch {
	case !ok:
		return errGone
	case !m.visible.After(now):
		return nil
	case now.Add(d).Sub(m.received) > maxVisibility:
		return badValue("VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	m.visible = now.Add(d)
	q.pile.moved(m)
	q.wake()
	return nil
}

// depth counts. What is past its retention is not there.
func (q *queue) depth() (d Depth) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	for _, m := range q.pile.items {
		switch {
		case m.visible.After(now) && m.dequeues > 0:
			d.NotVisible++
		case m.visible.After(now):
			d.Delayed++
		case now.Sub(m.sent) <= q.attr.Retention:
			d.Visible++
		}
	}
	return d
}

// purge empties the queue; it reports false, and does nothing, where one was less than
// settling ago.
func (q *queue) purge() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	if !q.purged.IsZero() && now.Sub(q.purged) < settling {
		return false
	}
	q.pile, q.purged = pile{}, now
	clear(q.receipts)
	return true
}

// show makes every message visible now.
func (q *queue) show() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.cfg.Now()
	for _, m := range slices.Clone(q.pile.items) {
		m.visible = now
		q.pile.moved(m)
	}
	q.wake()
}
