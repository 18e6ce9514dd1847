package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

func TestARunThatIsNotOverKeepsOtherJobsOutOfItsTargetHoweverOldItIs(t *testing.T) {
	for _, age := range []time.Duration{time.Hour, 9 * 24 * time.Hour, 400 * 24 * time.Hour} {
		o := newOffice(t)
		o.object(t, "k/1", 10)
		o.start(t, o.job(t)) // and nobody does it
		o.advance(age)
		other := o.job(t, func(j *job.Job) { j.Name = "other" })
		if run, err := o.deploy.Start(t.Context(), other, nil, o.clock()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("beside a run that began %s ago and is not over, another job's run %q began in the same target (%v), want it refused", age, run, err)
		}
	}
}

// TestTheBooksOfACancelledRunAreClosedAfterAllElse has a cancelled run beside one
// that has lost a message, and several sweeps, for they go in no order.
func TestTheBooksOfACancelledRunAreClosedAfterAllElse(t *testing.T) {
	for range 8 {
		o := newOffice(t)
		o.object(t, "k/1", 10)
		named := func(name string) job.Job {
			return o.job(t, func(j *job.Job) { j.Name, j.Target.Prefix = name, name+"/" })
		}
		cancelled := o.start(t, named("a"))
		if err := o.deploy.Ledger().Run(cancelled).Steering().WriteStanding(t.Context(), ledger.Cancelled, o.clock()); err != nil {
			t.Fatal(err)
		}
		o.start(t, named("b"))
		o.lose = func(task.Task) bool { return true }
		o.deliver(t)
		o.advance(time.Hour)
		var did []string
		o.oss.OnRequest(func(r oss.Request) {
			switch {
			case r.Op != "put":
			case strings.Contains(r.Key, "runs/b/") && strings.Contains(r.Key, "/sent/sweep-"):
				did = append(did, "sent again")
			case strings.Contains(r.Key, "runs/a/") && strings.HasSuffix(r.Key, "/report.json"):
				did = append(did, "closed")
			}
		})
		if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"sent again", "closed"}; !slices.Equal(did, want) {
			t.Fatalf("a sweep did %q, want %q", did, want)
		}
	}
}
