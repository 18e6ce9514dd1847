package pile

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"
)

// Attributes are what a queue is made with. Zero fields mean the service's
// defaults.
type Attributes struct {
	Delay      time.Duration // of messages that name none: MNS 0 to 7 days, SQS 0 to 15 min
	MaxSize    int           // bytes of a message: 1,024 to MNS 65,536, SQS 1,048,576 (the most)
	Retention  time.Duration // 60 s to MNS 7 days, the SDK allows 15; SQS 14 days (4 days)
	Visibility time.Duration // 1 s to 12 h (30 s); SQS takes 0, too
	Poll       time.Duration // what a receive that names no wait waits: 0 to MNS 30 s, SQS 20 s
	Logging    bool          // MNS alone: told, and nothing else: there is no log to send to
	DeadLetter string        // name of the queue for what was received too often; "" is none
	MaxReceive int           // how often that is (10)
}

// WithDefaults is a with the service's defaults in its zero fields.
func (a Attributes) WithDefaults(maxSize int) Attributes {
	if a.MaxSize == 0 {
		a.MaxSize = maxSize
	}
	if a.Retention == 0 {
		a.Retention = 345_600 * time.Second
	}
	if a.Visibility == 0 {
		a.Visibility = 30 * time.Second
	}
	if a.DeadLetter != "" && a.MaxReceive == 0 {
		a.MaxReceive = 10
	}
	return a
}

// Message is one in a queue.
type Message struct {
	ID, Body, Sum string    // Sum: the MD5 of the body, in hexadecimal digits
	Receipt       string    // "" before the first delivery, and where it is void
	Sent, Visible time.Time // Visible: when it gets so
	First, Last   time.Time // when it was received first and last; zero before
	Dequeues      int       // how often it was received
	Priority      int       // the lowest number is received first
	Extra         any       // what the stand-in keeps with it
	order         int64
	twin          bool  // a duplicate, which is not duplicated again
	pile          *pile // where it is
	at            int   // its place there
}

// Queue is one queue.
type Queue struct {
	s       *Service
	name    string
	created time.Time

	mu            sync.Mutex
	attr          Attributes
	modified      time.Time
	purged        time.Time // last
	ready, hidden *pile
	held          map[string]*Message // by receipt, while it is good
	order         int64
	changed       chan struct{} // closed when a message may have become visible
}

func newQueue(s *Service, name string, a Attributes) *Queue {
	now := s.now()
	q := &Queue{s: s, name: name, created: now, modified: now, attr: a, changed: make(chan struct{})}
	q.clear()
	return q
}

// clear makes q hold nothing.
func (q *Queue) clear() {
	q.ready, q.hidden, q.held = &pile{order: ready}, &pile{order: due}, map[string]*Message{}
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }

// Created is when the queue was made.
func (q *Queue) Created() time.Time { return q.created }

// Attributes returns what the queue is set to, and since when.
func (q *Queue) Attributes() (a Attributes, modified time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.attr, q.modified
}

// Set changes the queue's attributes.
func (q *Queue) Set(a Attributes) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attr, q.modified = a, q.s.now()
}

// Send puts in a message, of which Body, Priority and Extra count; delay below 0 is
// the queue's own. One that is to be lost is answered for like any other.
func (q *Queue) Send(m Message, delay time.Duration) Message {
	now := q.s.now()
	sum := md5.Sum([]byte(m.Body))
	m.ID, m.Sum, m.Sent = q.s.ID(), hex.EncodeToString(sum[:]), now
	if q.s.chance(func(b Misbehaviour) float64 { return b.Lose }, func(i *Injected) *int { return &i.Lost }) {
		return m
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
	if delay > 0 && q.s.rules.Recall {
		q.renew(&m)
	}
	m.Visible = now.Add(delay + late)
	q.put(&m, now)
	return m
}

// put adds a new message and wakes the receives that wait. The queue's lock is held.
func (q *Queue) put(m *Message, now time.Time) {
	q.order++
	m.order = q.order
	if m.Visible.After(now) {
		q.hidden.add(m)
	} else {
		q.ready.add(m)
	}
	q.wake()
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// promote makes ready what is due, which ends a receipt that is not lasting, and
// returns the time by which it was. The queue's lock is held.
func (q *Queue) promote() time.Time {
	now := q.s.now()
	for m := q.hidden.top(); m != nil && !m.Visible.After(now); m = q.hidden.top() {
		m.remove()
		if !q.s.rules.Lasting {
			delete(q.held, m.Receipt)
			m.Receipt = ""
		}
		q.ready.add(m)
	}
	return now
}

// Receive takes up to most visible messages, hides them for visibility (below 0: the
// queue's own), and waits up to wait for the first: by the Service's clock or by the real
// one, whichever is over first.
func (q *Queue) Receive(ctx context.Context, most int, wait, visibility time.Duration) []Message {
	begun, until := time.Now(), q.s.now().Add(wait)
	for {
		got, next, changed := q.take(most, visibility)
		now := q.s.now()
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
func (q *Queue) take(most int, visibility time.Duration) (got []Message, next time.Time, changed <-chan struct{}) {
	var dead []*Message
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
	now := q.promote()
	var twins []*Message
	for len(got) < most && q.ready.Len() > 0 {
		m := q.pick()
		switch {
		case now.Sub(m.Sent) > q.attr.Retention:
			q.forget(m)
			continue
		case q.attr.DeadLetter != "" && m.Dequeues >= q.attr.MaxReceive:
			q.forget(m)
			dead = append(dead, m)
			continue
		}
		if m.Dequeues++; m.Dequeues == 1 {
			m.First = now
		}
		m.Last = now
		q.renew(m)
		q.hide(m, now.Add(visibility))
		got = append(got, *m)
		if m.twin {
			continue
		}
		for range q.s.again() {
			twin := *m
			twin.Receipt, twin.Visible, twin.twin = "", now, true
			twins = append(twins, &twin)
		}
	}
	for _, m := range twins {
		q.put(m, now)
	}
	if m := q.hidden.top(); m != nil {
		next = m.Visible
	}
	return got, next, q.changed
}

// pick chooses what is received next. The queue's lock is held, and something is ready.
func (q *Queue) pick() *Message {
	m, young := q.ready.top(), q.ready.youngest()
	if young != m && q.s.chance(func(b Misbehaviour) float64 { return b.Reorder }, func(i *Injected) *int { return &i.Reordered }) {
		return young
	}
	return m
}

// renew gives m a new receipt, in place of the one it had. The queue's lock is held.
func (q *Queue) renew(m *Message) {
	delete(q.held, m.Receipt)
	m.Receipt = q.s.receipt(m.ID)
	q.held[m.Receipt] = m
}

// hide moves m to what is invisible, until then. The queue's lock is held.
func (q *Queue) hide(m *Message, until time.Time) {
	m.remove()
	m.Visible = until
	q.hidden.add(m)
}

// forget takes m out. The queue's lock is held.
func (q *Queue) forget(m *Message) {
	delete(q.held, m.Receipt)
	m.remove()
}

// bury moves m to the dead-letter queue, under its id. Where that queue does not exist
// the message is lost.
func (q *Queue) bury(m *Message) {
	a, _ := q.Attributes()
	to, ok := q.s.Queue(a.DeadLetter)
	if !ok || to == q {
		return
	}
	now := q.s.now()
	sent := now
	if q.s.rules.Aged {
		sent = m.Sent
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	to.put(&Message{ID: m.ID, Body: m.Body, Sum: m.Sum, Sent: sent, Visible: now, Priority: m.Priority, Extra: m.Extra}, now)
}

// Peek looks at up to most visible messages and takes none.
func (q *Queue) Peek(most int) (got []Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	sorted := slices.SortedFunc(slices.Values(q.ready.items), ready)
	for _, m := range sorted {
		if len(got) < most && now.Sub(m.Sent) <= q.attr.Retention {
			got = append(got, *m)
		}
	}
	return got
}

// Delete removes the message of a receipt, and reports whether the receipt is good.
func (q *Queue) Delete(receipt string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promote()
	m, ok := q.held[receipt]
	if ok {
		q.forget(m)
	}
	return ok
}

// What Extend refuses.
var (
	ErrReceipt = errors.New("the receipt is not good")
	ErrTooLong = errors.New("the message would be hidden for longer than the service hides one")
)

// Extend makes the message of a receipt invisible for d from now. A message that is visible
// again stays so, which is no error.
func (q *Queue) Extend(receipt string, d time.Duration) (Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	m, ok := q.held[receipt]
	switch most := q.s.rules.MaxHeld; {
	case !ok:
		return Message{}, ErrReceipt
	case m.pile == q.ready:
		return *m, nil
	case most > 0 && now.Add(d).Sub(m.Last) > most:
		return Message{}, ErrTooLong
	}
	if !q.s.rules.Lasting {
		q.renew(m)
	}
	q.hide(m, now.Add(d))
	q.wake()
	return *m, nil
}

// Depth counts what is in a queue.
type Depth struct{ Ready, InFlight, Delayed int }

// Depth counts. What is past its retention is not there.
func (q *Queue) Depth() (d Depth) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.promote()
	for _, m := range q.ready.items {
		if now.Sub(m.Sent) <= q.attr.Retention {
			d.Ready++
		}
	}
	for _, m := range q.hidden.items {
		if m.Dequeues > 0 {
			d.InFlight++
		} else {
			d.Delayed++
		}
	}
	return d
}

// Purge empties the queue; it reports false, and does nothing, where it did so less than
// settling ago.
func (q *Queue) Purge(settling time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.now()
	if !q.purged.IsZero() && now.Sub(q.purged) < settling {
		return false
	}
	q.clear()
	q.purged = now
	return true
}

// Show makes every message visible now.
func (q *Queue) Show() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.now()
	for _, m := range slices.Clone(q.hidden.items) {
		q.hide(m, now)
	}
	q.wake()
}
