package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// Start begins a run of j and returns its name. keys are those that the job's
// KeyList names, as job.ReadKeys returns them; none where it has no list. It
// refuses with Invalid a job that was ended for good, one that writes where
// another job writes, and, unless j.Overlap allows it, one of which an earlier
// run is not over: two would copy the same objects. Of several that start it, or
// jobs that clash with it, at the same time one begins a run at most (Exclusively).
func (d *Deployment) Start(ctx context.Context, j job.Job, keys []string, now time.Time) (name string, err error) {
	if err := listed(j, keys); err != nil {
		return "", err
	}
	var first []task.Task
	err = Exclusively(ctx, d.ledger, []job.Job{j}, now, func(ctx context.Context) error {
		if err := d.mayStart(ctx, j, now); err != nil {
			return err
		}
		if name, err = d.nextRun(ctx, j, now); err != nil {
			return err
		}
		first, err = d.pipeline.Start(ctx, j, name, keys...)
		return err
	})
	if err != nil {
		return name, err
	}
	return name, d.Worker("").Submit(ctx, first...)
}

// nextRun names the run of j that begins now. Where j does not allow its runs to
// overlap it refuses with Invalid to begin one beside another, and names that.
func (d *Deployment) nextRun(ctx context.Context, j job.Job, now time.Time) (string, error) {
	last, err := d.ledger.Newest(ctx, j.Name, now)
	if err != nil {
		return "", err
	}
	if j.Overlap != job.AllowOverlap {
		switch open, standing, err := d.stillOpen(ctx, j.Name, last, now); {
		case err != nil:
			return "", err
		case open != "":
			return open, fault.New(fault.Invalid, "app.Start", j.Name, fmt.Errorf("run %s is not over (%s): ferry status %s tells how far it is", open, standing, open))
		}
	}
	name := pipeline.RunName(j, now)
	if last < name || ledger.IsAhead(last, now) {
		return name, nil
	}
	// The newest was begun within this second, or by a clock that is a little ahead.
	_, when, _ := strings.Cut(last, "/")
	at, err := time.Parse(ledger.RunTime, when)
	if err != nil {
		return "", fault.New(fault.Corrupt, "app.Start", last, err)
	}
	return pipeline.RunName(j, at.Add(time.Second)), nil
}

// stillOpen returns a run of the job that is not over, and how it stands: the
// newest, or one that a clock which was wrong named ahead of now; "" where there is none.
func (d *Deployment) stillOpen(ctx context.Context, name, newest string, now time.Time) (string, ledger.Standing, error) {
	ahead, err := d.ledger.NamedAhead(ctx, name, now)
	if err != nil {
		return "", "", err
	}
	for _, run := range append(ahead, newest) {
		if run == "" {
			continue
		}
		if open, s, err := unfinished(ctx, d.ledger.Run(run)); err != nil || open {
			return run, s, err
		}
	}
	return "", "", nil
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

// mayStart refuses a job that may write nothing.
func (d *Deployment) mayStart(ctx context.Context, j job.Job, now time.Time) error {
	if err := unsealed(ctx, d.ledger, j.Name); err != nil {
		return err
	}
	return alone(ctx, d.ledger, j, now, d.log)
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
func alone(ctx context.Context, l *ledger.Ledger, j job.Job, now time.Time, log *slog.Logger) error {
	others, err := Others(ctx, l, now, log)
	if err != nil {
		return err
	}
	for _, o := range others {
		if err := o.Refuse(j); err != nil {
			return err
		}
	}
	return nil
}

// Other is a job that writes somewhere: one that is kept, or one of which a run is
// under way.
type Other struct {
	job.Job
	Run string // that is under way; "" of one that is kept
}

// Refuse says that j writes where o does, Invalid, with what to do about it; nil
// where it does not.
func (o Other) Refuse(j job.Job) error {
	err := j.Clash(o.Job)
	if err != nil && o.Run != "" {
		return fault.New(fault.Invalid, "app.Refuse", j.Name, fmt.Errorf("%w; run %s is not over: wait until it is, or end it by ferry cancel %s", err, o.Run, o.Run))
	}
	return err
}

// Others returns the jobs that a ledger keeps and those of which the newest run is
// not over. A run whose record cannot be read is a line in log, and left out: it
// cannot be gone on with.
func Others(ctx context.Context, l *ledger.Ledger, now time.Time, log *slog.Logger) ([]Other, error) {
	kept, err := Kept(ctx, l)
	if err != nil {
		return nil, err
	}
	ran, err := l.Ran(ctx)
	if err != nil {
		return nil, err
	}
	others := make([]Other, len(ran))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookers)
	for i, name := range ran {
		g.Go(func() (err error) {
			others[i], err = underWay(ctx, l, name, now)
			if ledger.Unreadable(err) {
				log.ErrorContext(ctx, "a run that cannot be read is left out where jobs are held apart", "run", others[i].Run, "fault", fault.KindOf(err), "err", err)
				others[i], err = Other{}, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	others = slices.DeleteFunc(others, func(o Other) bool { return o.Name == "" })
	for _, j := range kept {
		others = append(others, Other{Job: j})
	}
	return others, nil
}

// lookers is how many jobs are looked at at the same time.
const lookers = 16

// underWay returns the job of the newest run of that name, if it is not over.
func underWay(ctx context.Context, l *ledger.Ledger, name string, now time.Time) (Other, error) {
	last, err := l.Newest(ctx, name, now)
	if err != nil || last == "" {
		return Other{}, err
	}
	run := l.Run(last)
	open, standing, err := unfinished(ctx, run)
	if err == nil && (!open || standing.Final()) || err != nil && !ledger.Unreadable(err) {
		return Other{Run: last}, err
	}
	s, err := run.Started(ctx) // also of one that does not tell how it stands
	if err != nil {
		return Other{Run: last}, err
	}
	j, err := job.Decode(s.Job)
	if target, ok := job.TargetOf(s.Job); err != nil && ok {
		j, err = job.Job{Name: name, Target: target}, nil
	}
	return Other{j, last}, err
}

// Kept returns the jobs that a ledger keeps and that were not ended for good. Of
// one that cannot be read it returns name and target, as far as these can be told:
// it begins nothing, but whoever can read it, or mends it, goes on with it.
func Kept(ctx context.Context, l *ledger.Ledger) ([]job.Job, error) {
	names, err := l.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	jobs := make([]job.Job, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookers)
	for i, name := range names {
		g.Go(func() (err error) {
			jobs[i], err = keptAndOpen(ctx, l, name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(jobs, func(j job.Job) bool { return j.Name == "" }), nil
}

// keptAndOpen is one of what Kept returns, without a name where it is none of them.
func keptAndOpen(ctx context.Context, l *ledger.Ledger, name string) (job.Job, error) {
	if _, sealed, err := l.Sealed(ctx, name); err != nil || sealed {
		return job.Job{}, err
	}
	j, k, err := KeptJob(ctx, l, name)
	switch {
	case ledger.Missing(err):
		return job.Job{}, nil // removed meanwhile
	case ledger.Unreadable(err):
		if target, ok := job.TargetOf(k.Job); ok {
			return job.Job{Name: name, Target: target}, nil
		}
		return job.Job{}, nil
	}
	return j, err
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
