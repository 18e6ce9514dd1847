package ledger_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store/mem"
)

func TestNoMorePlacesAreReservedThanThereAre(t *testing.T) {
	const most, asked = 40, 100
	run := ledger.Open(mem.New(mem.OSS), "").Run("j/20260101-events")
	var granted atomic.Int64
	var all sync.WaitGroup
	for i := range asked {
		all.Go(func() {
			ok, err := run.Reserve(t.Context(), fmt.Sprint("batch ", i), most)
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
		if ok, err := run.Reserve(t.Context(), "batch", 1); err != nil || !ok {
			t.Errorf("Reserve = %v, %v, want the one place each time", ok, err)
		}
	}
	if ok, err := run.Reserve(t.Context(), "another", 1); err != nil || ok {
		t.Errorf("Reserve = %v, %v, want none left for another", ok, err)
	}
}

func TestARunOfEventsIsToldByItsName(t *testing.T) {
	at := time.Date(2026, 1, 2, 23, 59, 59, 0, time.FixedZone("", -3600)) // the next day, in UTC
	for name, want := range map[string]bool{
		ledger.EventRun("j", at, 1): true, ledger.EventRun("j", at, 12): true,
		"j/20260103T000000Z": false, "j/20260103": false, "j/2026-events": false, "j/20269903-events": false, "events/20260103T000000Z": false,
	} {
		if day, ok := ledger.EventDay(name); ok != want || ok && !day.Equal(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("EventDay(%s) = %v, %v, want %v", name, day, ok, want)
		}
	}
	if got := ledger.EventRun("j", at, 1); got != "j/20260103-events" {
		t.Errorf("EventRun = %s, want j/20260103-events", got)
	}
	shard, batch := ledger.EventBatch("k", at)
	if _, other := ledger.EventBatch("l", at); shard != "e005" || batch[:8] != "e005959-" || other == batch {
		t.Errorf("EventBatch = %s, %s, want e005 and a batch of its own for each key", shard, batch)
	}
}
