package mns

import (
	"context"

	"github.com/cenkalti/backoff/v5"
)

// Hasten makes q pause for no time between tries, but where it is throttled.
func (q *Queue) Hasten() { q.pause = func() backoff.BackOff { return &backoff.ZeroBackOff{} } }

// Base is where requests go.
func (q *Queue) Base() string { return q.base }

// Left counts the requests that cancelled receives left behind.
func (q *Queue) Left() int { return q.polls.Len() }

// Unanswered is the error of a request that err kept from being answered.
func (q *Queue) Unanswered(err error) error {
	return q.client(context.Background()).trouble("mns.Send", err)
}
