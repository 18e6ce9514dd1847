package pipeline

import (
	"context"
	"iter"
)

// lookups is how many requests about single keys are made at a time.
const lookups = 16

// ahead yields what look makes of each of all, in order, and works on up to
// lookups of them at a time. An error of all ends it; one of look is yielded
// beside its value, and more may follow.
func ahead[A, B any](ctx context.Context, all iter.Seq2[A, error], look func(context.Context, A) (B, error)) iter.Seq2[B, error] {
	type result struct {
		value B
		err   error
		last  bool
	}
	return func(yield func(B, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pending := make(chan chan result, lookups) // in the order of all
		go func() {
			defer close(pending)
			for a, err := range all {
				one := make(chan result, 1)
				select {
				case pending <- one:
				case <-ctx.Done():
					return
				}
				if err != nil {
					one <- result{err: err, last: true}
					return
				}
				go func() {
					value, err := look(ctx, a)
					one <- result{value: value, err: err}
				}()
			}
		}()
		defer func() { // no goroutine outlives the iterator
			cancel()
			for one := range pending {
				<-one
			}
		}()
		for one := range pending {
			if r := <-one; !yield(r.value, r.err) || r.last {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none B
			yield(none, err)
		}
	}
}
