package worker

import (
	"context"
	"sync/atomic"
	"time"

	"kodoferry/shared/task"
)

// brake counts how many tasks of a service in a row were passed on, because the
// limits of their runs leave this process no share. While that goes on, Serve
// receives less and less often: what lies in the queue is for others.
type brake struct{ passed atomic.Int64 }

type brakeKey struct{}

// The pauses before a receive while every task is passed on, doubling.
const firstEase, maxEase = time.Second, 5 * time.Second

// easing is the pause behind n tasks in a row that were passed on.
func easing(n int64) time.Duration { return min(firstEase<<min(n-1, 16), maxEase) }

// countPassed takes in what t came to, where a service receives it.
func countPassed(ctx context.Context, t task.Task, next []task.Task) {
	b, ok := ctx.Value(brakeKey{}).(*brake)
	switch {
	case !ok:
	case len(next) == 1 && next[0].Passed > t.Passed:
		b.passed.Add(1)
	default:
		b.passed.Store(0)
	}
}
