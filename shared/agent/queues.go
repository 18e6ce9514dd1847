package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// Queue is one queue of a deployment.
type Queue interface {
	queue.Queue

	// Name is the queue's whole name, as its service has it.
	Name() string

	// Close waits, as long as ctx lets it, for what cancelled receives left behind,
	// so that messages which no process waits for are given back.
	Close(ctx context.Context)
}

// Queues are those of a deployment. They are safe for concurrent use.
type Queues struct {
	Stages map[task.Stage]Queue // one for each of task.Stages
	Dead   Queue                // for dead letters

	newer newer
}

// Close closes every queue, all at the same time.
func (q *Queues) Close(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range q.Stages {
		all.Go(func() { s.Close(ctx) })
	}
	all.Go(func() { q.Dead.Close(ctx) })
	all.Wait()
}

// Settle processes a message that came from a queue of that name by do. A message that
// only a newer version can read is sent again to that queue, for a platform's retries,
// as deliveries of a queue, end in the dead letters. Its delay is short at first, so
// that a newer process beside this one receives it within seconds, and longer each time
// that this process receives it once more.
func (q *Queues) Settle(ctx context.Context, from string, m queue.Message, do func(context.Context, queue.Message) error) error {
	err := do(ctx, m)
	if fault.KindOf(err) != fault.Newer || from == "" {
		return err
	}
	if perr := q.Postpone(ctx, from, m.Body, q.newer.pause(task.Name(m.Body), time.Now())); perr != nil {
		return errors.Join(err, perr)
	}
	return nil
}

// Postpone sends a message again to the queue that it came from, delayed by the time by.
// SQS delays none for longer than 15 minutes: a message with a longer delay is received
// early, and carries the time that it is meant for.
func (q *Queues) Postpone(ctx context.Context, from string, body []byte, by time.Duration) error {
	to, err := q.named(from)
	if err != nil {
		return err
	}
	return to.Send(ctx, queue.Outgoing{Body: body, Delay: by})
}

// newer counts the deliveries of messages that only a newer version can read.
type newer struct {
	mu   sync.Mutex
	seen map[string]sighting
}

// sighting is how often one message came, and when it did last.
type sighting struct {
	times int
	last  time.Time
}

const (
	// newerFirst is the delay of a message after its first delivery; it doubles with each
	// delivery, up to newerMost: so late a newer process that joins receives it.
	newerFirst, newerMost = time.Second, 30 * time.Second
	// newerSeen bounds how many messages are counted; the delay of any more is newerMost.
	newerSeen = 10_000
	// newerFor is how long a count is kept of a message that is not delivered again:
	// another process has done it.
	newerFor = 10 * time.Minute
)

// pause returns the delay of the message of that name, which was delivered now.
func (n *newer) pause(name string, now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]sighting{}
	}
	s, known := n.seen[name]
	if !known && len(n.seen) >= newerSeen {
		maps.DeleteFunc(n.seen, func(_ string, s sighting) bool { return now.Sub(s.last) > newerFor })
		if len(n.seen) >= newerSeen {
			return newerMost
		}
	}
	n.seen[name] = sighting{s.times + 1, now}
	return min(newerFirst<<min(s.times, 10), newerMost)
}

// named returns the queue of that whole name. The error is Invalid.
func (q *Queues) named(name string) (queue.Sender, error) {
	for _, s := range q.Stages {
		if s.Name() == name {
			return s, nil
		}
	}
	if q.Dead.Name() == name {
		return q.Dead, nil
	}
	return nil, fault.New(fault.Invalid, "agent.Queues", name, fmt.Errorf("queue %q is none of this deployment's: check FERRY_QUEUES and which queue triggers which function", name))
}
