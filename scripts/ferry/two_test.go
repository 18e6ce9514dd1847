package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/journal"
)

// TestASecondProcessWaitsForTheFirstAndGoesOnWhereItStops starts the same command
// twice, and ends the first one.
func TestASecondProcessWaitsForTheFirstAndGoesOnWhereItStops(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"by Ctrl-C": syscall.SIGINT, "by kill -9": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const objects = 200
			c := newClouds(t)
			c.fill(t, objects)
			tr := c.watch()
			c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 100 * time.Millisecond})
			args := []string{"copy", c.src, c.dst, "--parallel", "2", "--batch-objects", "20"}
			second, _, _ := command(t, c.env, args...)
			var out journal.Journal
			second.Stdout, second.Stderr = &out, &out
			begun := false
			said, code := signalled(t, c.env, sig, func() bool {
				if !begun && tr.objects() > 10 {
					begun = true
					if err := second.Start(); err != nil {
						t.Error(err)
					}
				}
				return strings.Contains(out.String(), "is being done by another process (process ")
			}, args...)
			if code == 0 {
				t.Fatalf("the first one ended by itself\n%s", said)
			}
			c.oss.Desk().Inject()
			began := time.Now()
			err := second.Wait()
			took := time.Since(began)
			if err != nil || took > 30*time.Second || !strings.Contains(out.String(), "going on with run") || !strings.Contains(out.String(), "200 verified") {
				t.Errorf("%v after %v, want it to wait, go on at once, and verify\n%s", err, took, out.String())
			}
			if again := tr.objects() - objects; again > 2*20+2 {
				t.Errorf("%d objects were copied twice, want no more than the batches under way", again)
			}
		})
	}
}

// objects is how many objects were stored.
func (tr *traffic) objects() (n int) {
	for _, times := range tr.putsNow() {
		n += times
	}
	return n
}
