package app_test

import (
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
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
