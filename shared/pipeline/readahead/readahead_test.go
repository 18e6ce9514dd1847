package readahead_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/pipeline/readahead"
)

func TestWhatIsLookedAtAheadComesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		slow := func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(10-n) * time.Second) // the last is done first
			return n * n, nil
		}
		var got []int
		for v, err := range readahead.Each(t.Context(), 4, readahead.Slice([]int{1, 2, 3, 4}), slow) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if want := []int{1, 4, 9, 16}; !slices.Equal(got, want) {
			t.Errorf("Each yields %v, want %v", got, want)
		}
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("it took %s, want 9s: all at the same time", took)
		}
	})
}

func TestNoMoreIsLookedAtThanMayBeAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		look := func(_ context.Context, n int) (int, error) {
			begun.Add(1)
			return n, nil
		}
		for v, err := range readahead.Each(t.Context(), 1, readahead.Slice([]int{1, 2, 3, 4, 5}), look) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if begun, want := begun.Load(), int64(min(v+1, 5)); begun != want {
				t.Errorf("%d were looked at while the %d. is dealt with, want %d", begun, v, want)
			}
		}
	})
}

func TestAnErrorOfOneIsNotThatOfTheNext(t *testing.T) {
	bad := errors.New("bad")
	odd := func(_ context.Context, n int) (int, error) {
		if n == 2 {
			return 0, bad
		}
		return n, nil
	}
	var got []int
	failed := 0
	for v, err := range readahead.Each(t.Context(), 3, readahead.Slice([]int{1, 2, 3}), odd) {
		if err != nil {
			failed++
			continue
		}
		got = append(got, v)
	}
	if want := []int{1, 3}; !slices.Equal(got, want) || failed != 1 {
		t.Errorf("Each yields %v and %d errors, want %v and 1", got, failed, want)
	}
}

func TestAnErrorOfTheSequenceEndsIt(t *testing.T) {
	bad := errors.New("bad")
	all := func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(0, bad) && yield(2, nil)
	}
	var errs []error
	for _, err := range readahead.Each(t.Context(), 3, all, func(_ context.Context, n int) (int, error) { return n, nil }) {
		errs = append(errs, err)
	}
	if want := []error{nil, bad}; !slices.Equal(errs, want) {
		t.Errorf("Each yields errors %v, want %v", errs, want)
	}
}

func TestAnEndedContextIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range readahead.Each(ctx, 1, readahead.Slice([]int{1, 2, 3}), func(ctx context.Context, n int) (int, error) { return n, ctx.Err() }) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("Each ends with %v, want %v: what was not yielded is missing", last, context.Canceled)
	}
}
