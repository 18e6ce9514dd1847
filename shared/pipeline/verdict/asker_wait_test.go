package verdict

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"kodoferry/shared/fault"
)

func TestWhoeverWaitsForAProbeStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		probes := 0
		a := Asker{Probe: func(context.Context, string) error { probes++; <-answered; return nil }}
		denied := fault.New(fault.Denied, "test", "k", errors.New("denied"))
		var all sync.WaitGroup
		all.Go(func() {
			if !a.Alone(t.Context(), "k", denied) {
				t.Error("the target does not answer, and its probe succeeded")
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		all.Go(func() {
			if a.Alone(ctx, "l", denied) {
				t.Error("the target answers one whose context ended")
			}
			ended = true
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !ended {
			t.Error("it waits on for the probe of another, and its context has ended")
		}
		close(answered)
		all.Wait()
		if !a.Alone(t.Context(), "m", denied) || probes != 1 {
			t.Errorf("%d probes were made within answersFor, want one", probes)
		}
	})
}
