package ledger_test

import (
	"testing"
	"time"

	"kodoferry/shared/ledger/eventnames"
)

func TestARunOfEventsIsToldByItsName(t *testing.T) {
	at := time.Date(2026, 1, 2, 23, 59, 59, 0, time.FixedZone("", -3600)) // the next day, in UTC
	for name, want := range map[string]bool{
		eventnames.Run("j", at, 1): true, eventnames.Run("j", at, 12): true,
		"j/20260103T000000Z": false, "j/20260103": false, "j/2026-events": false, "j/20269903-events": false, "events/20260103T000000Z": false,
	} {
		if day, ok := eventnames.Day(name); ok != want || ok && !day.Equal(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("EventDay(%s) = %v, %v, want %v", name, day, ok, want)
		}
	}
	if got := eventnames.Run("j", at, 1); got != "j/20260103-events" {
		t.Errorf("EventRun = %s, want j/20260103-events", got)
	}
	shard, batch := eventnames.Batch("k", at)
	if _, other := eventnames.Batch("l", at); shard != "e005" || batch[:8] != "e005959-" || other == batch {
		t.Errorf("EventBatch = %s, %s, want e005 and a batch of its own for each key", shard, batch)
	}
}
