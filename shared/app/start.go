package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// Start begins a run of j and returns its name. keys are those that the job's
// KeyList names, as job.ReadKeys returns them; none where it has no list. It
// refuses with Invalid a job that was ended for good, one that writes where
// another job writes, and, unless j.Overlap allows it, one of which an earlier
// run is not over: two would copy the same objects.
func (d *Deployment) Start(ctx context.Context, j job.Job, keys []string, now time.Time) (string, error) {
	if err := listed(j, keys); err != nil {
		return "", err
	}
	if err := d.mayStart(ctx, j, now); err != nil {
		return "", err
	}
	name := pipeline.RunName(j, now)
	last, err := d.ledger.Newest(ctx, j.Name, now)
	if err != nil {
		return "", err
	}
	if last != "" && j.Overlap != job.AllowOverlap {
		open, _, err := unfinished(ctx, d.ledger.Run(last))
		if err == nil && open {
			err = fault.New(fault.Invalid, "app.Start", j.Name, fmt.Errorf("run %s is not over: ferry status %s tells how far it is", last, last))
		}
		if err != nil {
			return last, err
		}
	}
	if last >= name { // begun within this second, or by a clock that is ahead: the newest sorts last
		_, when, _ := strings.Cut(last, "/")
		at, err := time.Parse(ledger.RunTime, when)
		if err != nil {
			return "", fault.New(fault.Corrupt, "app.Start", last, err)
		}
		name = pipeline.RunName(j, at.Add(time.Second))
	}
	return name, d.begin(ctx, j, name, keys)
}

// unfinished reports whether a run was started and is not over, and how it stands.
func unfinished(ctx context.Context, run *ledger.Run) (bool, ledger.Standing, error) {
	s, _, err := run.Standing(ctx)
	if err != nil || s == ledger.Over {
		return false, s, err
	}
	_, err = run.Started(ctx)
	if ledger.Missing(err) { // it left something, but never started
		return false, s, nil
	}
	return err == nil, s, err
}

// begin begins the run of that name, or sends its first tasks once more.
func (d *Deployment) begin(ctx context.Context, j job.Job, name string, keys []string) error {
	first, err := d.pipeline.Start(ctx, j, name, keys...)
	if err != nil {
		return err
	}
	return d.Worker("").Submit(ctx, first...)
}

// mayStart refuses a job that may write nothing.
func (d *Deployment) mayStart(ctx context.Context, j job.Job, now time.Time) error {
	if err := unsealed(ctx, d.ledger, j.Name); err != nil {
		return err
	}
	return d.alone(ctx, j, now)
}

// unsealed refuses with Invalid a job that was ended for good.
func unsealed(ctx context.Context, l *ledger.Ledger, name string) error {
	since, sealed, err := l.Sealed(ctx, name)
	if err != nil || !sealed {
		return err
	}
	return fault.New(fault.Invalid, "app.Start", name, fmt.Errorf("the job %s was ended for good on %s (ferry seal): nothing is written for it any more; what must still be moved takes a job of another name", name, since.UTC().Format(time.DateTime)))
}

// alone refuses with Invalid a job that writes where another does that is kept
// or has a run under way.
func (d *Deployment) alone(ctx context.Context, j job.Job, now time.Time) error {
	others, err := Kept(ctx, d.ledger)
	if err != nil {
		return err
	}
	ran, err := d.ledger.Ran(ctx)
	if err != nil {
		return err
	}
	for _, name := range ran {
		if name == j.Name {
			continue
		}
		o, under, err := d.underWay(ctx, name, now)
		if err != nil {
			return err
		}
		if under {
			others = append(others, o)
		}
	}
	for _, o := range others {
		if err := j.Clash(o); err != nil {
			return err
		}
	}
	return nil
}

// underWay returns the job of the newest run of that name, if it is not over.
func (d *Deployment) underWay(ctx context.Context, name string, now time.Time) (job.Job, bool, error) {
	last, err := d.ledger.Newest(ctx, name, now)
	if err != nil || last == "" {
		return job.Job{}, false, err
	}
	run := d.ledger.Run(last)
	open, standing, err := unfinished(ctx, run)
	if err != nil || !open || standing.Final() {
		return job.Job{}, false, err
	}
	s, err := run.Started(ctx)
	if err != nil {
		return job.Job{}, false, err
	}
	j, err := job.Decode(s.Job)
	return j, err == nil, err
}

// Kept returns the jobs that a ledger keeps and that were not ended for good. Of
// one that cannot be read it returns name and target, as far as these can be told:
// it begins nothing, but whoever can read it, or mends it, goes on with it.
func Kept(ctx context.Context, l *ledger.Ledger) ([]job.Job, error) {
	names, err := l.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	var jobs []job.Job
	for _, name := range names {
		_, sealed, err := l.Sealed(ctx, name)
		if err != nil {
			return nil, err
		}
		if sealed {
			continue
		}
		j, k, err := KeptJob(ctx, l, name)
		switch {
		case ledger.Missing(err):
			continue // removed meanwhile
		case ledger.Unreadable(err):
			target, ok := job.TargetOf(k.Job)
			if !ok {
				continue
			}
			j = job.Job{Name: name, Target: target}
		case err != nil:
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// KeptJob returns the job that a ledger keeps under that name, and where its
// keys are. One that is not kept is NotFound and names those that are; one of a
// newer version is Newer, and one that was damaged, or that the rules for jobs
// refuse, Corrupt: both errors name the job and the cure, and the record is as
// far as it can be read.
func KeptJob(ctx context.Context, l *ledger.Ledger, name string) (job.Job, ledger.KeptJob, error) {
	k, err := l.Job(ctx, name)
	switch {
	case ledger.Missing(err):
		names, nerr := l.Jobs(ctx)
		if nerr != nil {
			return job.Job{}, k, nerr
		}
		return job.Job{}, k, fault.New(fault.NotFound, "app.KeptJob", name, fmt.Errorf("the ledger keeps no job %q, but %s: ferry jobs apply %s keeps one of a file", name, listOf(names), name))
	case ledger.Unreadable(err):
		return job.Job{}, k, unreadable(name, err)
	case err != nil:
		return job.Job{}, k, err
	}
	j, err := job.Decode(k.Job)
	if err == nil && j.Name != name {
		err = fmt.Errorf("it holds a job named %q", j.Name)
	}
	if err == nil {
		err = j.Validate()
	}
	if err != nil {
		return job.Job{}, k, unreadable(name, err)
	}
	return j, k, nil
}

// unreadable says of a kept job that cannot be read because of err what to do.
func unreadable(name string, err error) error {
	if fault.KindOf(err) == fault.Newer {
		return fault.New(fault.Newer, "app.KeptJob", name, fmt.Errorf("the job %s was kept by a newer version of Ferry, and this one does nothing for it: upgrade this one (%w)", name, err))
	}
	return fault.New(fault.Corrupt, "app.KeptJob", name, fmt.Errorf("the kept job %s cannot be read, and nothing is begun for it: ferry jobs apply %s replaces it by that of a file, ferry jobs remove %s takes it away (%w)", name, name, name, err))
}
