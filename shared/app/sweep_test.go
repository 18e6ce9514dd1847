package app_test

import (
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// TestTheSweeperFindsALostMessageOfEveryKind changes the source and runs its
// job once for each kind of message, and loses the first of that kind.
func TestTheSweeperFindsALostMessageOfEveryKind(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fill(t, 40)
	j := o.job(t, func(j *job.Job) {
		j.Delete, j.Limits.BatchObjects, j.Limits.PartsAbove, j.Limits.PartSize = true, 4, 4<<20, 4<<20
	})
	if rep := o.end(t, o.start(t, j)); rep.Result != report.Verified {
		t.Fatalf("%+v, want the first run verified", rep.Summary)
	}
	for i, kind := range []task.Kind{task.List, task.Copy, task.Begin, task.Part, task.Finish, task.Verify, task.Decide, task.Delete, task.Report} {
		t.Run(string(kind), func(t *testing.T) {
			o.advance(time.Second)
			for n := range 8 {
				o.object(t, fmt.Sprintf("new/%d/%d", i, n), 100+n)
			}
			o.object(t, fmt.Sprintf("new/%d/big", i), 9<<20)
			o.kodo.Remove("photos", fmt.Sprintf("k/%05d", i))
			lost := 0
			o.lose = func(at task.Task) bool {
				if at.Kind != kind || lost > 0 {
					return false
				}
				lost++
				return true
			}
			began := o.clock()
			rep := o.end(t, o.start(t, j))
			if lost != 1 {
				t.Errorf("%d messages were lost, want one: the test proves too little", lost)
			}
			if rep.Result != report.Verified || rep.Objects.Copied != 9 || rep.Objects.Deleted != 1 {
				t.Errorf("%+v, want it verified, with 9 copied and 1 deleted", rep.Summary)
			}
			// 35 minutes until it is sent again, then a decision and a report may each wait once for up to 18:45.
			if took := o.clock().Sub(began); took > 75*time.Minute {
				t.Errorf("it took %s by the clock, want the sweeper to find the loss within 35 minutes", took)
			}
			if _, ok := o.oss.Get("photos-new", fmt.Sprintf("new/%d/big", i)); !ok {
				t.Error("the big object is not in the target")
			}
		})
	}
}

func TestARunThatMakesNoProgressIsMarkedStalledUntilItDoes(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 10)
	name := o.start(t, o.job(t))
	run := o.deploy.Ledger().Run(name)
	rests := func(d time.Duration, want bool) {
		t.Helper()
		o.advance(d)
		if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
			t.Fatal(err)
		}
		p, err := progress.Glance(t.Context(), run)
		if err != nil || p.StalledSince().IsZero() == want {
			t.Errorf("after another %s it is stalled since %v (%v), want it stalled: %v", d, p.StalledSince(), err, want)
		}
	}
	rests(14*time.Minute, false)
	rests(2*time.Minute, true)
	rests(5*time.Minute, true)      // noted once, and still so
	o.deliverUntil(t, func() bool { // the list task is done, and nothing that follows from it: a record is newer
		_, err := run.Shards().ReadListed(t.Context(), ledger.RootShard)
		return err == nil
	})
	rests(0, false)
	if err := run.Steering().WriteStanding(t.Context(), ledger.Paused, o.clock()); err != nil {
		t.Fatal(err)
	}
	rests(time.Hour, false)
	if err := run.Steering().WriteStanding(t.Context(), ledger.Going, o.clock()); err != nil {
		t.Fatal(err)
	}
	rests(10*time.Minute, false)
	rests(10*time.Minute, true)
	if rep := o.end(t, name); rep.Result != report.Verified {
		t.Errorf("%+v, want it verified all the same", rep.Summary)
	}
}

func TestTheSweeperLeavesAPausedRunAloneAndEndsACancelledOne(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 10)
	name := o.start(t, o.job(t))
	run := o.deploy.Ledger().Run(name)
	o.lose = func(task.Task) bool { return true } // everything is lost
	o.deliver(t)
	o.lose = nil
	if err := run.Steering().WriteStanding(t.Context(), ledger.Paused, o.clock()); err != nil {
		t.Fatal(err)
	}
	sweep := func() {
		t.Helper()
		o.advance(time.Hour)
		if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if o.deliver(t) {
		t.Error("something of a paused run was sent again")
	}
	if p, err := progress.Glance(t.Context(), run); err != nil || !p.Stalled.IsZero() {
		t.Errorf("a paused run was noted as stalled since %s (%v)", p.Stalled, err)
	}
	if err := run.Steering().WriteStanding(t.Context(), ledger.Cancelled, o.clock()); err != nil {
		t.Fatal(err)
	}
	sweep()
	rep, err := report.Read(t.Context(), run)
	if err != nil || rep.Result != report.Cancelled || len(rep.Unknown) != 1 {
		t.Errorf("%+v, %v, want the books of a cancelled run that had listed nothing", rep.Summary, err)
	}
}
