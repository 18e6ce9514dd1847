package contract

import (
	"context"
	"sync"

	"kodoferry/shared/queue"
)

const noQueues = "no queues were named: FERRY_QUEUES or --queues"

// depthRecorder is a queue that records its last Depth.
type depthRecorder struct {
	queue.Queue
	mu   sync.Mutex
	last queue.Depth
}

// Depth implements queue.Queue.
func (n *depthRecorder) Depth(ctx context.Context) (queue.Depth, error) {
	d, err := n.Queue.Depth(ctx)
	if err == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.last = d
	}
	return d, err
}

// queueFacts returns the questions about MNS beyond the contract. From depths comes
// the Depth of a queue with messages, once the case about it has ended.
func (s Setup) queueFacts(depths <-chan queue.Depth) []item {
	fact := func(sentence string, ask func(context.Context, *recorder)) item {
		return item{"mns", s.QueuesAt.Region, "unknown", sentence, func(ctx context.Context, r *recorder) {
			if s.Queue == nil {
				r.Skipf(noQueues)
			}
			ask(ctx, r)
		}, ""}
	}
	return []item{
		fact("GetQueueAttributes tells how many messages a queue holds", func(ctx context.Context, r *recorder) {
			select {
			case d := <-depths:
				if d == (queue.Depth{}) || d.Unknown {
					r.see("0 of each kind, of a queue that holds some: Ferry takes it for unknown")
					return
				}
				r.see("numbers: %d ready, %d at work, %d waiting", d.Ready, d.InFlight, d.Delayed)
			case <-ctx.Done():
				r.Skipf("the time was up")
			}
		}),
		fact("an internal address of the region speaks https", func(ctx context.Context, r *recorder) {
			says, inside, asked := s.Ways(ctx)
			switch {
			case !asked:
				r.Skipf("FERRY_QUEUES names a host of its own: leave endpoint= out to have the region's addresses asked")
			case !inside:
				r.see("%s", says)
				r.Skipf("no internal address answers here: run this on a machine inside the region, as an ECS instance")
			}
			r.see("%s", says)
		}),
	}
}
