package control

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"kodoferry/shared/task"
)

// longestKey is the most bytes of a key that an event's task carries: escaped
// throughout it must fit a message, of 64 KiB. OSS takes keys of 1,023 bytes.
const longestKey = 8 << 10

// Notice says that something was done to a key of a bucket.
type Notice struct{ Bucket, Key string }

// Notified is what a notification came to.
type Notified struct {
	Events  int `json:"events"`         // keys that it names
	Tasks   int `json:"tasks"`          // tasks that look after them: one a key and job
	Unknown int `json:"unknown"`        // events of buckets that no job follows
	Left    int `json:"left,omitempty"` // keys that no message can carry: the job's next run finds them
}

// Notifier makes tasks of the notifications that a process receives. The zero value
// is ready. It is safe for concurrent use.
type Notifier struct {
	Now func() time.Time // nil: time.Now

	followers followers
	sent      sentEvents
	unknown   atomic.Int64
}

// Unknown counts the events of buckets that no job follows, since the process began.
func (n *Notifier) Unknown() int64 { return n.unknown.Load() }

func (n *Notifier) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

// Take puts a task for each key and job that follows it into the copy queue of c. An
// error says that some of them were not sent, or that the jobs cannot be read: the
// notification is to be sent again.
func (n *Notifier) Take(ctx context.Context, c *Control, notices []Notice) (Notified, error) {
	h := Notified{Events: len(notices)}
	jobs, err := n.followers.of(ctx, c, n.now())
	if err != nil {
		return h, err
	}
	now := n.now()
	var tasks []task.Task
	for _, notice := range notices {
		known := false
		for _, j := range jobs {
			if !j.of(notice.Bucket, now) {
				continue
			}
			if known = true; !j.chooses(notice) {
				continue
			}
			if notice.Key == "" || len(notice.Key) > longestKey || !utf8.ValidString(notice.Key) { // such a key must not keep the others from being sent
				h.Left++
				c.Log.ErrorContext(ctx, "event left to the job's next run: no message can carry its key", "job", j.Name, "key", fmt.Sprintf("%.64q", notice.Key), "bytes", len(notice.Key))
				continue
			}
			t, err := c.Pipeline.FollowEvent(ctx, j.Job, notice.Key)
			if err != nil {
				return h, err
			}
			h.Tasks++
			if !n.sent.before(t) {
				tasks = append(tasks, t)
			}
		}
		if !known {
			h.Unknown++
		}
	}
	n.unknown.Add(int64(h.Unknown))
	if err := c.Submit(ctx, tasks...); err != nil {
		return h, fmt.Errorf("%d tasks not sent: %w", len(tasks), err)
	}
	n.sent.note(now, tasks)
	return h, nil
}
