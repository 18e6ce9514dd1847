package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// schedule is a tick of a timer that begins runs: its payload names a job that
// the ledger keeps, photos or {"job":"photos"}.
func (f *function) schedule(ctx context.Context, t faas.Timer) error {
	d, err := f.deploy()
	if err != nil {
		return err
	}
	name, err := jobOf(t.Payload)
	if err != nil {
		return err
	}
	at := t.Time
	if at.IsZero() { // the event does not tell: two deliveries of one tick within a minute are still one run
		at = time.Now().Truncate(time.Minute)
	}
	_, err = d.Tick(ctx, name, at, time.Now())
	return err
}

// jobOf is the job that a timer's payload names.
func jobOf(payload string) (string, error) {
	name := strings.TrimSpace(payload)
	if strings.HasPrefix(name, "{") {
		var p struct {
			Job string `json:"job"`
		}
		if err := json.Unmarshal([]byte(name), &p); err != nil {
			return "", fault.New(fault.Invalid, "app.jobOf", "", errors.New(`the payload begins as JSON and is none: write {"job":"photos"}, or photos alone`))
		}
		name = p.Job
	}
	if name == "" {
		return "", fault.New(fault.Invalid, "app.jobOf", "", errors.New("the payload names no job: write the name of one that ferry jobs list shows, or take the timer trigger away"))
	}
	return name, nil
}

// Tick begins the run that a timer is due for and returns its name, "" where it
// begins none. The run is named by the timer's time, so two deliveries of one
// tick are one run. Where an earlier run is not over and the job does not allow
// runs to overlap, that is kept as a ledger.Skip. A job that is not kept is NotFound; one that
// was ended for good, or that writes where another does, Invalid, and so is a time
// that is still to come.
func (d *Deployment) Tick(ctx context.Context, name string, at, now time.Time) (string, error) {
	if at.Sub(now) > ledger.Ahead {
		return "", fault.New(fault.Invalid, "app.Tick", name, fmt.Errorf("the timer's time is %s, and it is %s: no run is begun by a time that is still to come; if that was a test event, give it the present time, else look at the clocks", at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	j, kept, err := KeptJob(ctx, d.ledger, name)
	if err != nil {
		return "", err
	}
	var run string
	var first []task.Task
	err = Exclusively(ctx, d.ledger, []job.Job{j}, now, func(ctx context.Context) error {
		run, first, err = d.tick(ctx, j, kept, at, now)
		return err
	})
	if err != nil || len(first) == 0 {
		return run, err
	}
	d.log.InfoContext(ctx, "run begun by a timer", "run", run)
	if err := d.Worker("").Submit(ctx, first...); err != nil {
		return run, err
	}
	return run, d.ledger.Mark(ctx, run, tickMark)
}

// tick begins the run that is named by at and returns its name and its first tasks,
// none where they have been sent or none is begun.
func (d *Deployment) tick(ctx context.Context, j job.Job, kept ledger.KeptJob, at, now time.Time) (string, []task.Task, error) {
	if err := d.mayStart(ctx, j, now); err != nil {
		return "", nil, err
	}
	run := pipeline.RunName(j, at)
	last, err := d.ledger.Newest(ctx, j.Name, now)
	if err != nil {
		return "", nil, err
	}
	switch why, in, err := d.passes(ctx, j, run, last, now); {
	case err != nil:
		return "", nil, err
	case why != "":
		d.log.InfoContext(ctx, "run skipped", "run", run, "why", why)
		return "", nil, d.ledger.Skip(ctx, ledger.Skip{Job: j.Name, At: at, Run: in, Why: why})
	}
	if over, err := d.ledger.Run(run).Over(ctx); err != nil || over {
		return run, nil, err // an earlier delivery's, and done
	}
	keys, err := d.ledger.JobKeys(ctx, kept)
	if err != nil {
		return "", nil, err
	}
	if err := listed(j, keys); err != nil {
		return "", nil, err
	}
	// A second delivery sends the first tasks again only where the first one may
	// have died before it had sent them: else all of the run would be done twice.
	if sent, err := d.ledger.Marked(ctx, run, tickMark); err != nil || sent {
		return run, nil, err
	}
	first, err := d.pipeline.Start(ctx, j, run, keys...)
	return run, first, err
}

// tickMark marks that the first tasks of a timer's run have been sent.
const tickMark = "tick"

// passes says why a tick begins no run where last is the job's newest, and which
// run is in its way; "" where it begins one.
func (d *Deployment) passes(ctx context.Context, j job.Job, run, last string, now time.Time) (why, in string, err error) {
	if last > run && !ledger.IsAhead(last, now) {
		if _, err := d.ledger.Run(run).Started(ctx); !ledger.Missing(err) {
			return "", "", err // its own run is there already
		}
		return fmt.Sprintf("a later run, %s, has begun", last), last, nil
	}
	if last == run || j.Overlap == job.AllowOverlap {
		return "", "", nil
	}
	open, s, err := d.stillOpen(ctx, j.Name, last, now)
	if err != nil || open == "" {
		return "", "", err
	}
	return fmt.Sprintf("run %s is not over (%s)", open, s), open, nil
}

// listOf names things in a sentence.
func listOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
