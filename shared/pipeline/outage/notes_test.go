package outage_test

import (
	"testing"
	"time"

	"kodoferry/shared/pipeline/outage"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestAnOutageIsNotedOnceAMinuteSinceItWasFirstMet(t *testing.T) {
	var n outage.Notes
	for i, step := range []struct {
		now, since time.Duration // after noon
		want       time.Duration
		due        bool
	}{
		{0, 0, 0, true},
		{30 * time.Second, 20 * time.Second, 0, false},
		{time.Minute, 20 * time.Second, 0, true},
		{2 * time.Minute, -time.Minute, -time.Minute, true}, // another process met it before
		{3 * time.Hour, 3 * time.Hour, 3 * time.Hour, true}, // another outage
	} {
		since, due := n.Due(noon.Add(step.now), noon.Add(step.since))
		if !since.Equal(noon.Add(step.want)) || due != step.due {
			t.Errorf("step %d: Due = %s, %v, want %s, %v", i, since, due, noon.Add(step.want), step.due)
		}
	}
}

func TestAnOutageThatWasNotMetForLongIsAnother(t *testing.T) {
	var n outage.Notes
	n.Met(noon)
	if since := n.Met(noon.Add(50 * time.Minute)); !since.Equal(noon) {
		t.Errorf("since %s, want noon: it goes on", since)
	}
	later := noon.Add(3 * time.Hour)
	if since := n.Met(later); !since.Equal(later) {
		t.Errorf("since %s, want %s: the one of noon is over", since, later)
	}
}
