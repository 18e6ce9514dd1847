// Package deadline divides the time of an invocation, whose end is the deadline of
// its context: what is left at the end is for the outcome, which has to be written.
package deadline

import (
	"context"
	"time"
)

// Margin is kept free at the end of an invocation to write the outcome.
const Margin = 15 * time.Second

// Near reports whether less than need and Margin is left before the deadline of ctx,
// so that nothing that takes need should be begun. Without a deadline it never is.
func Near(ctx context.Context, need time.Duration) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < Margin+need
}

// Reserve returns a copy of ctx that ends two thirds of Margin before the deadline
// of ctx, or with ctx where that has none. The function it returns must be called.
func Reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-Margin*2/3))
	}
	return ctx, func() {}
}
