package main

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
)

// TestFunctionsThawAnArchivedBucket has a bucket of 300 objects that take five hours to
// thaw by the clock of the source's stand-in, which the test moves on once all are asked for.
func TestFunctionsThawAnArchivedBucket(t *testing.T) {
	t.Parallel() // most of it is waiting
	const n = 300
	c := newClouds(t)
	var ahead atomic.Int64
	k, err := kodo.Start(kodo.Config{
		AccessKey: emulation.AccessKey, SecretKey: emulation.SecretKey, Thaw: 5 * time.Hour,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	if err := k.CreateBucket(standins.Source); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		o := kodo.Object{Key: keyOf(i), Body: []byte(bodyOf(i)), Type: 3, PutTime: time.Now().Add(-24 * time.Hour)}
		if _, err := k.Put(standins.Source, o); err != nil {
			t.Fatal(err)
		}
	}
	c.kodo = k
	c.src = "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=" + k.Endpoint()
	var restored, refused atomic.Int64
	k.OnRequest(func(e kodo.Event) {
		switch {
		case !e.Done:
		case e.Op == "restore":
			restored.Add(1)
		case e.Op == "get" && restored.Load() > 0 && ahead.Load() == 0:
			refused.Add(1)
		}
	})
	c.withFunctions(t, c.withQueues(t), io.Discard)
	run := c.begin(t, "--thaw", "--thaw-days", "7", "--class", "standard", "--batch-objects", "50")
	c.verified(t, run, n, func() {
		if restored.Load() >= n {
			ahead.Store(int64(6 * time.Hour))
		}
	})
	if restored.Load() != n || refused.Load() > 0 {
		t.Errorf("%d objects were restored, want each of %d once; %d were asked for before they could be read, want none", restored.Load(), n, refused.Load())
	}
}
