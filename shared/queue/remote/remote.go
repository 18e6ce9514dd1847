// Package remote is what the drivers of distributed queues have in common. Link is one queue
// as its driver knows it. endpoint.go is the way to its service, send.go sends in batches,
// receive.go waits for messages in requests that outlive a cancelled Receive (polls.go), ask.go
// tries again what changes nothing, refusal.go reads what the service refused, body.go says
// how a body travels.
package remote

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/queue"
	"kodoferry/shared/retry"
)

// AnswerTime bounds a request, beyond what a long poll waits.
const AnswerTime = 20 * time.Second

// MaxVisibility is the longest that the services hide a message for.
const MaxVisibility = 43_200 * time.Second

// Link is one queue of a service. It is safe for concurrent use once its fields are set.
type Link struct {
	Service string // that operations are named after: "mns"
	Name    string // of the queue
	Base    string // scheme://host
	Log     *slog.Logger
	Policy  retry.Policy // of requests, but for how often each is tried: see Requests
	Poll    Poll

	polls polls
}

// Poll is how a service is asked for messages.
type Poll struct {
	Longest time.Duration // it waits at most for so long
	// Ask does one request for up to most messages, for which the service waits so many
	// seconds. More means that there were others, which it dealt with.
	Ask    func(ctx context.Context, most int, seconds int64) (got []queue.Message, more bool, err error)
	Extend func(context.Context, queue.Message, time.Duration) (queue.Message, error) // by 0 gives back what nobody waits for any more
	Now    func() time.Time
}

// op is the name of an operation in errors: "mns.Send".
func (l *Link) op(name string) string { return l.Service + "." + name }

// Close waits for the requests that cancelled receives left behind, and so for
// what they got to be given back: for as long as the service waits at most. It ends them when
// ctx ends; what such a one gets comes again when its visibility ends.
func (l *Link) Close(ctx context.Context) { l.polls.wait(ctx) }

// Left counts the requests for messages that are under way.
func (l *Link) Left() int { return l.polls.count() }

// Seconds is d in the whole seconds that services count in, rounded up.
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
