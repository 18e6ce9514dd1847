package worker

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// pollWait is how long one receive waits for a message: the most MNS and SQS
// serve is 30 s and 20 s.
const pollWait = 20 * time.Second

// Poll serves q with n tasks at a time until ctx ends. While a task runs its
// message is kept invisible: visibility is how long the queue hides a received message.
func (w *Worker) Poll(ctx context.Context, q queue.Queue, n int, visibility time.Duration) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for failures := 0; ctx.Err() == nil; {
				messages, err := q.Receive(ctx, 1, pollWait)
				if err != nil {
					if ctx.Err() == nil {
						w.Log.WarnContext(ctx, "queue not read, will be tried again", "fault", fault.KindOf(err), "err", err)
					}
					sleep(ctx, w.pause(min(failures, 4)))
					failures++
					continue
				}
				failures = 0
				for _, m := range messages {
					w.serve(ctx, q, m, visibility)
				}
			}
		})
	}
	all.Wait()
}

// serve processes m, extending its visibility until that has ended.
func (w *Worker) serve(ctx context.Context, q queue.Queue, m queue.Message, visibility time.Duration) {
	done := make(chan error, 1)
	go func() { done <- w.Process(ctx, m) }()
	beat := time.NewTicker(max(visibility/2, time.Second))
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			held, err := q.Extend(ctx, m, visibility)
			if err != nil {
				w.Log.WarnContext(ctx, "message not held, it may be delivered twice", "fault", fault.KindOf(err), "err", err)
				continue
			}
			m = held
		case err := <-done:
			if err == nil {
				err = q.Delete(context.WithoutCancel(ctx), m)
			} else if ctx.Err() == nil {
				_, err = q.Extend(ctx, m, w.pause(m.Deliveries-1))
			}
			if err != nil && ctx.Err() == nil {
				w.Log.WarnContext(ctx, "message will be delivered again", "fault", fault.KindOf(err), "err", err)
			}
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
