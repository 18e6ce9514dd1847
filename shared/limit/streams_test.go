package limit

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestStreamsAreNeverMoreThanTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Streams
		s.set(2, false)
		for range 2 {
			if !s.Acquire(t.Context()) {
				t.Fatal("two of two streams could not be opened")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s.Acquire(ctx) {
			t.Error("a third of two streams was opened")
		}
		third := make(chan bool, 1)
		go func() { third <- s.Acquire(t.Context()) }()
		synctest.Wait()
		if s.Release(); !<-third {
			t.Error("the stream that was closed could not be opened by the call that waited for it")
		}
		go func() { third <- s.Acquire(t.Context()) }()
		synctest.Wait()
		if s.set(3, false); !<-third {
			t.Error("a call that waited has no stream though the bound was raised")
		}
	})
}

func TestClosedStreamsEndAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Streams
		s.set(1, false)
		s.Acquire(t.Context())
		waited := make(chan bool, 1)
		go func() { waited <- s.Acquire(t.Context()) }()
		synctest.Wait()
		s.set(1, true)
		if <-waited || s.Acquire(t.Context()) {
			t.Error("a stream was opened though they are closed")
		}
		if s.Release(); s.inUse() {
			t.Error("streams are in use, want none")
		}
	})
}

func TestAStreamIsReusedOnlyWhereNothingBoundsThem(t *testing.T) {
	for name, tc := range map[string]struct {
		most   int
		closed bool
		want   bool
	}{
		"nothing bounds them": {0, false, true},
		"they are bounded":    {3, false, false},
		"they are closed":     {0, true, false},
	} {
		var s Streams
		if s.set(tc.most, tc.closed); s.Reusable() != tc.want {
			t.Errorf("%s: Reusable = %v, want %v", name, !tc.want, tc.want)
		}
	}
}
