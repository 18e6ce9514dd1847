package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/pipeline/deadline"
)

func TestADeadlineIsNearWhenTheNeedAndTheMarginDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			left, need time.Duration
			near       bool
		}{
			{deadline.Margin, 0, false},
			{deadline.Margin - 1, 0, true},
			{deadline.Margin + time.Minute, time.Minute, false},
			{deadline.Margin + time.Minute - 1, time.Minute, true},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), tc.left)
			if got := deadline.Near(ctx, tc.need); got != tc.near {
				t.Errorf("with %v left, Near(%v) = %v, want %v", tc.left, tc.need, got, tc.near)
			}
			cancel()
		}
		if deadline.Near(t.Context(), time.Hour) {
			t.Error("Near without a deadline = true, want false")
		}
	})
}

func TestWhatIsReservedEndsTwoThirdsOfTheMarginEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		work, done := deadline.Reserve(ctx)
		defer done()
		begun := time.Now()
		<-work.Done()
		if got, want := time.Since(begun), time.Minute-deadline.Margin*2/3; got != want || ctx.Err() != nil {
			t.Errorf("work ended after %v, want %v, before its invocation", got, want)
		}
		forever, done := deadline.Reserve(context.Background())
		defer done()
		if _, ok := forever.Deadline(); ok {
			t.Error("Reserve without a deadline has one, want none")
		}
	})
}
