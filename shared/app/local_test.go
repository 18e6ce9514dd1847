package app_test

import (
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
)

func TestACopyThatIsCancelledEndsWithItsBooks(t *testing.T) {
	t.Parallel() // most of it is waiting
	w := newWorld(t)
	w.fill(t, 300)
	w.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 300 * time.Millisecond})
	led, err := w.config.Ledger(mustLocation(t, w.ledgerAt()))
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan string, 1)
	go func() {
		run := led.Run(<-begun)
		for w.puts() == 0 {
			time.Sleep(time.Millisecond) // the emulator gives no other sign
		}
		if err := run.Steering().WriteStanding(t.Context(), ledger.Cancelled, time.Now()); err != nil {
			t.Error(err)
		}
	}()
	rep, err := w.copy(t, agent.CopyOptions{Begun: func(run string, _ *progress.Run) { begun <- run }}, func(j *job.Job) {
		j.Limits.Parallel, j.Limits.BatchObjects, j.Limits.Requests = 1, 10, 100_000 // with a limit it looks into the ledger from the beginning
	})
	o := rep.Objects
	if err != nil || rep.Result != report.Cancelled || !rep.Balanced || o.Open == 0 || o.Copied == 0 || o.Copied+o.Open != 300 {
		t.Errorf("%s, balanced %v, %+v, %v, want it cancelled, with books of what is copied and open", rep.Result, rep.Balanced, o, err)
	}
	w.kodo.Desk().Inject()
	rep, err = w.copy(t, agent.CopyOptions{})
	if stored := o.Open - rep.Objects.Copied; err != nil || rep.Result != report.Verified || stored < 0 || stored > 1 { // the one in flight may have been stored
		t.Errorf("%+v, %v, want another run that copies the %d that were open, or all but one", rep.Summary, err, o.Open)
	}
}

func mustLocation(t *testing.T, raw string) job.Location {
	t.Helper()
	l, err := job.ParseLocation(raw)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A shard is verified as soon as it is copied, while others are.
func TestStagesOverlapInOneProcess(t *testing.T) {
	w := newWorld(t)
	const objects = 4000
	if err := w.kodo.Synthesize("photos", kodo.Synthetic{Count: objects, MaxSize: 100}); err != nil {
		t.Fatal(err)
	}
	var ended, listed atomic.Int64
	firstCopied, firstProven := atomic.Int64{}, atomic.Int64{} // objects that were listed, and that had ended, by then
	rep, err := w.copy(t, agent.CopyOptions{Watch: func(p watch.Progress) {
		switch p.Kind {
		case watch.Listed:
			listed.Add(p.N)
		case watch.Settled:
			ended.Add(1)
			firstCopied.CompareAndSwap(0, listed.Load())
		case watch.Proven:
			firstProven.CompareAndSwap(0, ended.Load())
		}
	}}, func(j *job.Job) { j.Limits.Parallel, j.Limits.BatchObjects = 8, 100 })
	if err != nil || rep.Result != report.Verified || rep.Objects.Verified != objects {
		t.Fatalf("%+v, %v", rep.Summary, err)
	}
	if n := firstProven.Load(); n == 0 || n == objects {
		t.Errorf("the first shard was verified when %d of %d objects had ended, want it while others are copied", n, objects)
	}
	t.Logf("the first object was copied when %d of %d were listed, the first verified when %d had ended", firstCopied.Load(), objects, firstProven.Load())
}
