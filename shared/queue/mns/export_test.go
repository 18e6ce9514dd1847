package mns

import (
	"context"
)

// Hasten makes q pause for no time between tries, but where it is throttled.
func (q *Queue) Hasten() { q.link.Policy.First, q.link.Policy.Most = 0, 0 }

// Base is where requests go.
func (q *Queue) Base() string { return q.link.Base }

// Left counts the requests that cancelled receives left behind.
func (q *Queue) Left() int { return q.link.Left() }

// Unanswered is the error of a request that err kept from being answered.
func (q *Queue) Unanswered(err error) error {
	return q.client(context.Background()).trouble("mns.Send", err)
}
