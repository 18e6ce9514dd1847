package limit

import (
	"testing"
	"time"

	"kodoferry/shared/ledger/live"
)

func TestAPaceIsLearntFromWhatWasCopied(t *testing.T) {
	var p Pace
	if got := p.Estimate(8 << 20); got != 2*time.Second {
		t.Errorf("before anything was copied 8 MiB need %v, want 2 s", got)
	}
	for range 50 {
		p.Measured(16<<20, time.Second)
		p.Measured(8<<10, 10*time.Millisecond)
		p.Measured(512<<10, time.Hour) // neither small nor large
	}
	if got := p.Estimate(16 << 20); got < 1900*time.Millisecond || got > 2100*time.Millisecond {
		t.Errorf("16 MiB need %v, want about 2 s", got)
	}
	if got := time.Duration(p.each.Load()); got < 9*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("an object costs %v, want about 10 ms", got)
	}
	if got := Cost(live.Pace{Each: time.Second, Bytes: 1 << 20}, 2<<20); got != 3*time.Second {
		t.Errorf("2 MiB at 1 MiB/s and a second cost %v, want 3 s", got)
	}
}
