package worker

import (
	"context"
	"sync/atomic"
	"time"
)

// drained is the context of tasks: it ends a while after that of receiving. A
// task that is under way learns of it by its deadline, which was not there
// before or was later.
type drained struct {
	context.Context
	end atomic.Pointer[time.Time] // nil: not known yet
}

// Deadline is when the task will be cut off. It may change from none to one.
func (d *drained) Deadline() (time.Time, bool) {
	if end := d.end.Load(); end != nil {
		return *end, true
	}
	return time.Time{}, false
}

// drain returns the context of tasks, which outlives ctx by s.Drain, and what
// ends it. Where ctx has a deadline the one of tasks is known from the beginning.
func (s Service) drain(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Drain <= 0 {
		return context.WithCancel(ctx)
	}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	d := &drained{Context: inner}
	if at, ok := ctx.Deadline(); ok {
		end := at.Add(s.Drain)
		d.end.Store(&end)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		end := time.Now().Add(s.Drain)
		if known := d.end.Load(); known == nil || end.Before(*known) {
			d.end.Store(&end)
		}
		select {
		case <-time.After(s.Drain):
			cancel(context.Cause(ctx))
		case <-ended:
		}
	})
	return d, func() {
		if stop() {
			cancel(nil)
			return
		}
		close(ended)
		cancel(nil)
	}
}
