package app_test

import (
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// uncounted has MNS tell 0 of every queue, as it announced that it will.
func uncounted(c *mns.Config) { c.ZeroCounts = true }

// batched begins a run whose n batches lie in the copying queue.
func (o *office) batched(t *testing.T, n int) (run string) {
	t.Helper()
	for i := range n {
		o.object(t, fmt.Sprintf("k/%03d", i), 10)
	}
	run = o.start(t, o.job(t, func(j *job.Job) { j.Limits.BatchObjects = 1 }))
	messages, err := o.mns.Receive(t.Context(), "ferry-list", 1, 0)
	if err != nil || len(messages) != 1 {
		t.Fatal(len(messages), err)
	}
	o.carry(t, task.Listing, messages[0])
	if held := o.holds(t); held != n {
		t.Fatalf("the copying queue holds %d messages, want %d", held, n)
	}
	return run
}

// holds is how many messages the copying queue has, which it does not tell.
func (o *office) holds(t *testing.T) int {
	t.Helper()
	d, err := o.mns.Depth("ferry-copy")
	if err != nil {
		t.Fatal(err)
	}
	return int(d.Ready + d.InFlight + d.Delayed)
}

// TestNothingIsMultipliedWhereQueuesDoNotTellWhatTheyHold has nobody at work on
// most days, and on some for a moment: the queue holds every batch.
func TestNothingIsMultipliedWhereQueuesDoNotTellWhatTheyHold(t *testing.T) {
	o := newOffice(t, uncounted)
	const batches = 40
	run := o.batched(t, batches)
	for day := range 3 {
		for range 24 * 2 {
			o.advance(30 * time.Minute)
			if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
				t.Fatal(err)
			}
		}
		// Four in the first four hours of a silence, then one in four hours: nine a day.
		if held := o.holds(t); held > batches+9*(day+1)+4 {
			t.Fatalf("on day %d the copying queue holds %d messages of %d batches", day+1, held, batches)
		}
		o.carryOne(t)
	}
	if rep := o.end(t, run); rep.Result != report.Verified || rep.Objects.Verified != batches {
		t.Errorf("%+v, want all of it verified", rep.Summary)
	}
}

// carryOne does one copying task.
func (o *office) carryOne(t *testing.T) {
	t.Helper()
	messages, err := o.mns.Receive(t.Context(), "ferry-copy", 1, 0)
	if err != nil || len(messages) != 1 {
		t.Fatal(len(messages), err)
	}
	o.carry(t, task.Copying, messages[0])
}

// TestWhatIsLostIsFoundWhereQueuesDoNotTellWhatTheyHold loses copying messages when they are
// delivered for the first time.
func TestWhatIsLostIsFoundWhereQueuesDoNotTellWhatTheyHold(t *testing.T) {
	for name, tc := range map[string]struct {
		lose func(n int) bool // the n-th
		most time.Duration
	}{
		"one of them": {func(n int) bool { return n == 17 }, 2 * time.Hour},
		"all of them": {func(int) bool { return true }, 8 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, uncounted)
			const batches = 40
			run, began := o.batched(t, batches), o.clock()
			seen := map[string]bool{}
			copied := 0
			o.lose = func(at task.Task) bool {
				if at.Kind != task.Copy {
					return false
				}
				copied++
				first := !seen[at.Batch]
				seen[at.Batch] = true
				return first && tc.lose(len(seen))
			}
			rep := o.end(t, run)
			if took := o.clock().Sub(began); rep.Result != report.Verified || rep.Objects.Verified != batches || took > tc.most {
				t.Errorf("%+v after %v, want all of it verified within %v", rep.Summary, took, tc.most)
			}
			if copied > 2*batches {
				t.Errorf("%d copying messages of %d batches, want each once or twice", copied, batches)
			}
		})
	}
}

// TestAnEventIsFoundLostBeforeItsDayIsOver has what an event left for later lost, or held by the
// queue, with nobody at work: that is sent again once in hours.
func TestAnEventIsFoundLostBeforeItsDayIsOver(t *testing.T) {
	for name, held := range map[string]bool{"lost": false, "held": true} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, uncounted)
			o.now = o.now.Truncate(oneDay).Add(oneDay) // the run's day has just begun
			o.object(t, "b", 10)
			j := o.job(t)
			frozen, err := job.Encode(j)
			if err != nil {
				t.Fatal(err)
			}
			run := o.deploy.Ledger().Run(eventnames.Run(j.Name, o.clock().UTC(), 1))
			if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: frozen, At: o.clock().UTC(), Events: true, Deployed: true}); err != nil {
				t.Fatal(err)
			}
			_, batch := eventnames.Batch("b", o.clock().UTC())
			rest := ledger.BatchRef{ID: batch + ".1abcdefgh", First: "b", Last: "b", Rows: 1, Pending: 1}
			if err := run.Batches().WriteRows(t.Context(), rest.ID, []ledger.Row{{Src: store.Object{Key: "b"}, State: ledger.Pending}}); err != nil {
				t.Fatal(err)
			}
			if _, err := run.Batches().CreateWriteOff(t.Context(), batch, ledger.WriteOff{Rest: []ledger.BatchRef{rest}}); err != nil {
				t.Fatal(err)
			}
			done := 0
			o.before = func(at task.Task) { done += map[bool]int{true: 1}[at.Kind == task.Event] }
			for range 24 {
				o.advance(30 * time.Minute)
				if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
					t.Fatal(err)
				}
				if !held {
					o.deliver(t)
				}
			}
			if n := o.holds(t); held && (n < 1 || n > 6) {
				t.Errorf("the queue holds %d messages of one event after half a day, want a few", n)
			}
			if !held && done != 1 {
				t.Errorf("it was done %d times, want once", done)
			}
		})
	}
}
