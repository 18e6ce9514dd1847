package limit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBodiesTakeWhatTheDriverHoldsOfThem(t *testing.T) {
	for n, want := range map[int64]int64{0: 8 << 10, 1: 8 << 10, 8 << 10: 8 << 10, 8<<10 + 1: 16 << 10, 100_000: 128 << 10, 1 << 20: 1 << 20, 1<<20 + 1: streamed, 1 << 40: streamed} {
		if got := held(n); got != want {
			t.Errorf("%d bytes take %d, want %d", n, got, want)
		}
	}
}

func TestABodyWaitsForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(3 << 20)
		var free []func()
		for range 3 {
			release, err := m.Acquire(t.Context(), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			free = append(free, release)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Acquire(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("with no memory left: %v", err)
		}
		time.AfterFunc(time.Second, free[1])
		began := time.Now()
		if _, err := m.Acquire(t.Context(), 1<<20); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %s, want memory once another has ended", err, time.Since(began))
		}
	})
}

func TestABodyThatIsLargerThanAllMemoryGoesAlone(t *testing.T) {
	m := NewMemory(64 << 10)
	release, err := m.Acquire(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := (*Memory)(nil).Acquire(t.Context(), 1<<20); err != nil {
		t.Errorf("unbounded: %v", err)
	}
}
