package agent

import (
	"context"
	"sync/atomic"
	"testing"

	"kodoferry/shared/task"
)

// doer does tasks as a function says.
type doer func(t task.Task) []task.Task

func (d doer) Do(_ context.Context, t task.Task) ([]task.Task, error) { return d(t), nil }

func (d doer) GiveUp(context.Context, task.Task, error) ([]task.Task, error) { return nil, nil }

// TestAProcessEndsWhoseRunIsResumedBeforeItsLastTaskHasEnded has a run resumed while the last of
// its tasks is at work that began before it was paused: another was dropped meanwhile, which the
// ledger alone tells of, so that the process could wait for it for ever.
func TestAProcessEndsWhoseRunIsResumedBeforeItsLastTaskHasEnded(t *testing.T) {
	var paused atomic.Bool
	var done, halts atomic.Int32
	working, end := make(chan struct{}), make(chan struct{})
	f := &follower{
		Doer: doer(func(t task.Task) []task.Task {
			if t.Batch == "slow" {
				close(working)
				<-end
			}
			done.Add(1)
			return nil
		}),
		keeps: true, hurry: func() {}, reported: func() {}, stopped: paused.Load, halted: func() { halts.Add(1) },
	}
	f.follow(nil, []task.Task{
		{Kind: task.Copy, Shard: "s", Batch: "slow"}, {Kind: task.Copy, Shard: "s", Batch: "dropped"}, {Kind: task.Verify, Shard: "s"}, {Kind: task.Report},
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = f.Do(t.Context(), task.Task{Kind: task.Copy, Shard: "s", Batch: "slow"})
	}()
	<-working
	paused.Store(true)
	if next, err := f.Do(t.Context(), task.Task{Kind: task.Copy, Shard: "s", Batch: "dropped"}); len(next) > 0 || err != nil {
		t.Errorf("%+v, %v", next, err)
	}
	paused.Store(false)
	if next, err := f.Do(t.Context(), task.Task{Kind: task.Report}); len(next) > 0 || err != nil || done.Load() != 1 {
		t.Errorf("%+v, %v, %d tasks were done, want that nothing is begun any more", next, err, done.Load())
	}
	close(end)
	<-ended
	if halts.Load() != 1 {
		t.Errorf("the process was ended %d times, want once, with its last task", halts.Load())
	}
}
