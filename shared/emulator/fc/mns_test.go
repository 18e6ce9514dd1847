//go:build unix

package fc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
	"kodoferry/shared/emulator/mns"
)

func TestAStreamConsumesAnMNSQueueThatMisbehaves(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		server, err := mns.Start(mns.Config{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		for _, name := range []string{"tasks", "dead"} {
			if err := server.CreateQueue(name, mns.Attributes{Visibility: time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		server.Misbehave(mns.Misbehaviour{Duplicate: 0.3, Reorder: 0.5})
		c := one(t, fc.Function{Platform: p, MaxInstances: 1})
		for n := range 40 {
			body := fmt.Sprintf("message %d", n)
			if n == 7 {
				body = "rotten"
			}
			if err := server.Send("tasks", []byte(body), 0); err != nil {
				t.Fatal(err)
			}
		}
		cfg := fc.StreamConfig{
			Queue: fc.MNS(server, "tasks"), DeadLetter: fc.MNS(server, "dead"), Name: "tasks", Consumers: 3, BatchCount: 8, Retry: soon,
		}
		if p == fc.Lambda {
			cfg.PartialBatch, cfg.MaxReceives = true, 2
		}
		stream(t, c, cfg)
		eventually(t, "the queue is empty", func() bool {
			d, err := server.Depth("tasks")
			return err == nil && d == mns.Depth{}
		})
		dead, err := fc.MNS(server, "dead").Receive(t.Context(), 16, 0)
		if err != nil || !slices.ContainsFunc(dead, func(m fc.Message) bool { return string(m.Body) == "rotten" }) {
			t.Errorf("the dead letters are %v, %v, want the rotten one among them", dead, err)
		}
		var events string
		eventually(t, "the instance has room", func() bool {
			r, err := tryAsk(c, behave.Command{})
			events = strings.Join(r.Heard, "")
			return err == nil
		})
		for n := range 40 {
			if n != 7 && !strings.Contains(events, fmt.Sprintf(`"message %d"`, n)) {
				t.Errorf("the function was never given message %d", n)
			}
		}
		if server.Injected().Duplicated == 0 {
			t.Error("no message was duplicated, want some: the test shows less than it says")
		}
	})
}
