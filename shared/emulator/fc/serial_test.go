//go:build unix

package fc_test

import (
	"slices"
	"testing"

	"kodoferry/shared/emulator/fc"
)

// TestAStreamMayHaveOneTask: with SerialStreams an event stream delivers one message after
// another, whatever it asks for (@alicloud/fc20230330 4.7.6: RunOptions has no maximumTasks),
// while two of them run side by side; Lambda's mappings keep to what they ask for.
func TestAStreamMayHaveOneTask(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		serial              bool
		platform            fc.Platform
		streams             int
		batches, atOnceMost int
	}{
		"as it asks":            {false, fc.FC, 1, 3, 4},
		"one at a time":         {true, fc.FC, 1, 40, 1},
		"two over one queue":    {true, fc.FC, 2, 40, 2},
		"a mapping of Lambda's": {true, fc.Lambda, 1, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, q := cloud(t, fc.Config{SerialStreams: tc.serial}), &queue{}
			deploy(t, c, fc.Function{Platform: tc.platform, MaxInstances: 8})
			fill(t, q, slices.Repeat([]string{"m"}, 40)...)
			cfg := fc.StreamConfig{Queue: q, Consumers: 4, BatchCount: 16}
			if tc.platform == fc.Lambda {
				cfg.BatchCount = 10
			}
			for range tc.streams {
				stream(t, c, cfg)
			}
			eventually(t, "the queue is empty", func() bool { return q.bodies() == "" })
			if s := c.Stats()["f"]; s.Invocations != tc.batches || s.MaxInstances > tc.atOnceMost || s.Failures+s.Dropped != 0 {
				t.Errorf("Stats = %+v, want %d invocations, at most %d at once", s, tc.batches, tc.atOnceMost)
			}
		})
	}
}
