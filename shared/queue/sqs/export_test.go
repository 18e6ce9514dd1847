package sqs

import (
	"time"
)

// SetClock makes q go by now. It must be called before q is used.
func (q *Queue) SetClock(now func() time.Time) { q.now = now }

// Held counts the messages in the book of receipts.
func (q *Queue) Held() int {
	q.held.mu.Lock()
	defer q.held.mu.Unlock()
	return len(q.held.open)
}

// Hasten makes q pause for no time between tries, but where it is throttled.
func (q *Queue) Hasten() { q.link.Policy.First, q.link.Policy.Most = 0, 0 }

// Base is where requests go.
func (q *Queue) Base() string { return q.link.Base }

// Left counts the requests that cancelled receives left behind.
func (q *Queue) Left() int { return q.link.Left() }
