// Package readahead looks things up while what was found before is worked on.
package readahead

import (
	"context"
	"iter"
)

// Each yields what look makes of each of all, in order, and works on n more while one is
// dealt with. An error of all ends it; one of look is yielded beside its value, and more
// may follow. When the iteration ends, no goroutine of it is left.
func Each[A, B any](ctx context.Context, n int, all iter.Seq2[A, error], look func(context.Context, A) (B, error)) iter.Seq2[B, error] {
	type result struct {
		value B
		err   error
		last  bool
	}
	return func(yield func(B, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pending := make(chan chan result, n) // in the order of all
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

// Slice yields each of all without an error.
func Slice[A any](all []A) iter.Seq2[A, error] {
	return func(yield func(A, error) bool) {
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// Flat is Each of what finds several, and yields them one by one. The first error ends it.
func Flat[A, B any](ctx context.Context, n int, all iter.Seq2[A, error], look func(context.Context, A) ([]B, error)) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for some, err := range Each(ctx, n, all, look) {
			if err != nil {
				var none B
				yield(none, err)
				return
			}
			for _, one := range some {
				if !yield(one, nil) {
					return
				}
			}
		}
	}
}

// Begin calls f at once, and returns what waits for what it returns.
func Begin[T any](f func() (T, error)) func() (T, error) {
	var v T
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v, err = f()
	}()
	return func() (T, error) {
		<-ended
		return v, err
	}
}
