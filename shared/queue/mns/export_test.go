package mns

import "github.com/cenkalti/backoff/v5"

// Hasten makes q pause for no time between tries, but where it is throttled.
func (q *Queue) Hasten() { q.pause = func() backoff.BackOff { return &backoff.ZeroBackOff{} } }

// Base is where requests go.
func (q *Queue) Base() string { return q.base }

// Left counts the requests that cancelled receives left behind.
func (q *Queue) Left() int { return q.polls.Len() }
