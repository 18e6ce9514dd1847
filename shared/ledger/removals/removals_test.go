package removals_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/removals"
	"kodoferry/shared/store/mem"
)

func TestNoMorePlacesAreReservedThanThereAre(t *testing.T) {
	const most, asked = 40, 100
	run := ledger.Open(mem.New(mem.OSS), "").Run("j/20260101-events")
	var granted atomic.Int64
	var all sync.WaitGroup
	for i := range asked {
		all.Go(func() {
			ok, err := removals.Of(run).Reserve(t.Context(), fmt.Sprint("batch ", i), most)
			if err != nil {
				t.Error(err)
			}
			if ok {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	if granted.Load() != most {
		t.Errorf("%d of %d got a place, want exactly %d", granted.Load(), asked, most)
	}
}

func TestABatchThatAsksTwiceKeepsItsPlace(t *testing.T) {
	run := ledger.Open(mem.New(mem.OSS), "").Run("j/20260101-events")
	for range 5 {
		if ok, err := removals.Of(run).Reserve(t.Context(), "batch", 1); err != nil || !ok {
			t.Errorf("Reserve = %v, %v, want the one place each time", ok, err)
		}
	}
	if ok, err := removals.Of(run).Reserve(t.Context(), "another", 1); err != nil || ok {
		t.Errorf("Reserve = %v, %v, want none left for another", ok, err)
	}
}
