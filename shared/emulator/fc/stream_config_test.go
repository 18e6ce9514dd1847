//go:build unix

package fc_test

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/fault"
)

func TestWhatNoStreamTakesIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		platform fc.Platform
		cfg      fc.StreamConfig
		says     string
	}{
		"no queue":                       {fc.FC, fc.StreamConfig{}, "without a queue"},
		"10,001 messages":                {fc.FC, fc.StreamConfig{BatchCount: 10001}, "1 to 10000"},
		"a window of 16 s":               {fc.FC, fc.StreamConfig{BatchWindow: 16 * time.Second}, "0 to 15s"},
		"a ceiling of 6 minutes":         {fc.FC, fc.StreamConfig{Ceiling: 6 * time.Minute}, "up to 5m"},
		"another schema":                 {fc.FC, fc.StreamConfig{Schema: "XML"}, "CloudEvents"},
		"Lambda's settings":              {fc.FC, fc.StreamConfig{PartialBatch: true}, "are Lambda's"},
		"fewer consumers than none":      {fc.FC, fc.StreamConfig{Consumers: -1}, "negative"},
		"EventBridge's settings":         {fc.Lambda, fc.StreamConfig{Base64: true}, "are EventBridge's"},
		"11 messages without a window":   {fc.Lambda, fc.StreamConfig{BatchCount: 11}, "a window of 1s"},
		"Lambda's window of six minutes": {fc.Lambda, fc.StreamConfig{BatchWindow: 6 * time.Minute}, "0 to 5m"},
	} {
		t.Run(name, func(t *testing.T) {
			c := one(t, fc.Function{Platform: tc.platform})
			tc.cfg.Function = "f"
			if name != "no queue" {
				tc.cfg.Queue = &queue{}
			}
			if _, err := c.Stream(tc.cfg); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Stream = %v, want Invalid with %q", err, tc.says)
			}
		})
	}
	c := one(t, fc.Function{})
	if _, err := c.Stream(fc.StreamConfig{Function: "nobody", Queue: &queue{}}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Stream to an unknown function = %v, want NotFound", err)
	}
}

func TestTheServicesWaitAsTheirPageSays(t *testing.T) {
	for range 100 {
		if d := fc.BackoffRetry(1); d < 10*time.Second || d >= 20*time.Second {
			t.Fatalf("BackoffRetry = %v, want 10s to 20s", d)
		}
	}
	for try, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 10: 512 * time.Second, 176: 512 * time.Second} {
		if got := fc.ExponentialDecay(try); got != want {
			t.Errorf("ExponentialDecay(%d) = %v, want %v", try, got, want)
		}
	}
}
