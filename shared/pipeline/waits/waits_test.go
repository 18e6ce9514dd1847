package waits_test

import (
	"testing"
	"time"

	"kodoferry/shared/pipeline/waits"
)

// TestAWaitIsAsLongAsWhatWasTriedAsks looks at each kind of wait, which is jittered by a quarter.
func TestAWaitIsAsLongAsWhatWasTriedAsks(t *testing.T) {
	p := waits.Policy{First: 30 * time.Second, Most: 15 * time.Minute, Tries: 4}
	for name, tc := range map[string]struct {
		got, want time.Duration
	}{
		"the first wait":                               {p.After(0), 30 * time.Second},
		"one doubles the one before":                   {p.After(3), 4 * time.Minute},
		"none is longer than the longest":              {p.After(40), 15 * time.Minute},
		"a look at what others do comes sooner":        {p.Look(0, time.Minute), 5 * time.Second},
		"it has a longest of its own":                  {p.Look(9, time.Minute), time.Minute},
		"which is within the longest of all":           {p.Look(40, time.Hour), 15 * time.Minute},
		"what was merely handed over waits not at all": {p.Rest(0, 3, false), 0},
		"what was tried in one delivery, at first":     {p.Rest(3, 0, false), 30 * time.Second},
		"what was tried in three, for longer":          {p.Rest(8, 0, false), 2 * time.Minute},
		"what waits for a side, at first":              {p.Rest(0, 0, true), 30 * time.Second},
		"as its waits before":                          {p.Rest(0, 3, true), 2 * time.Minute},
		"what is not restored waits not at all":        {p.Thaw(0), 0},
		"what is restored waits as at first":           {p.Thaw(5), 30 * time.Second},
	} {
		if tc.got < tc.want*3/4 || tc.got > tc.want*5/4 {
			t.Errorf("%s: %v, want %v give or take a quarter", name, tc.got, tc.want)
		}
	}
}
