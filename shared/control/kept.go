package control

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
)

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
		return fault.New(fault.Invalid, "control.Refuse", j.Name, fmt.Errorf("%w; run %s is not over: wait until it is, or end it by ferry cancel %s", err, o.Run, o.Run))
	}
	return err
}

// Others returns the jobs, but for that of one name, that a ledger keeps and those of which
// the newest run is not over. A run whose record cannot be read is a line in log, and left
// out: it cannot be gone on with.
func Others(ctx context.Context, l *ledger.Ledger, but string, now time.Time, log *slog.Logger) ([]Other, error) {
	var kept []job.Job
	var running []Other
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		kept, err = keptBut(ctx, l, but)
		return err
	})
	g.Go(func() error {
		ran, err := index.Ran(ctx, l)
		if err != nil {
			return err
		}
		running, err = each(ctx, ran, but, func(ctx context.Context, name string) (Other, error) {
			o, err := underWay(ctx, l, name, now)
			if ledger.Unreadable(err) {
				log.ErrorContext(ctx, "a run that cannot be read is left out where jobs are held apart", "run", o.Run, "fault", fault.KindOf(err), "err", err)
				o, err = Other{}, nil
			}
			return o, err
		})
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(running, func(o Other) bool { return o.Name == "" })
	for _, j := range kept {
		others = append(others, Other{Job: j})
	}
	return others, nil
}

// jobReaders is how many jobs are read at the same time.
const jobReaders = 64

// each reads something of each of the jobs of these names, but for that of one.
func each[T any](ctx context.Context, names []string, but string, read func(ctx context.Context, name string) (T, error)) ([]T, error) {
	all := make([]T, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobReaders)
	for i, name := range names {
		if name != but {
			g.Go(func() (err error) {
				all[i], err = read(ctx, name)
				return err
			})
		}
	}
	return all, g.Wait()
}

// underWay returns the job of the newest run of that name, if it is not over. Most are: of these
// nothing else is asked.
func underWay(ctx context.Context, l *ledger.Ledger, name string, now time.Time) (Other, error) {
	last, err := index.Newest(ctx, l, name, now)
	if err != nil || last == "" {
		return Other{}, err
	}
	run := l.Run(last)
	if over, err := run.Over(ctx); err != nil || over {
		return Other{}, err
	}
	var standing ledger.Standing
	var started ledger.Started
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if standing, _, err = run.Steering().ReadStanding(gctx); ledger.Unreadable(err) {
			return nil // it may go on
		}
		return err
	})
	g.Go(func() (err error) {
		started, err = run.ReadStarted(gctx)
		return err
	})
	switch err := g.Wait(); {
	case ledger.Missing(err), err == nil && standing.Final(): // the run left something, but never started; or it ends
		return Other{}, nil
	case err != nil:
		return Other{Run: last}, err
	}
	j, err := job.Decode(started.Job)
	if target, ok := job.TargetOf(started.Job); err != nil && ok {
		j, err = job.Job{Name: name, Target: target}, nil
	}
	return Other{j, last}, err
}

// Kept returns the jobs that a ledger keeps and that were not ended for good. Of
// one that cannot be read it returns name and target, as far as these can be read:
// no run of it begins here, but a process of a newer version may go on with it, and so
// does this one once the record was mended.
func Kept(ctx context.Context, l *ledger.Ledger) ([]job.Job, error) { return keptBut(ctx, l, "") }

// keptBut is Kept but for the job of one name.
func keptBut(ctx context.Context, l *ledger.Ledger, but string) ([]job.Job, error) {
	names, err := kept.ListJobs(ctx, l.Folder())
	if err != nil {
		return nil, err
	}
	jobs, err := each(ctx, names, but, func(ctx context.Context, name string) (job.Job, error) { return keptAndOpen(ctx, l, name) })
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(jobs, func(j job.Job) bool { return j.Name == "" }), nil
}

// keptAndOpen is one of what Kept returns, without a name where it is none of them.
func keptAndOpen(ctx context.Context, l *ledger.Ledger, name string) (job.Job, error) {
	var sealed bool
	var unasked error
	var asked sync.WaitGroup
	asked.Go(func() { _, sealed, unasked = l.ReadSeal(ctx, name) })
	j, k, err := KeptJob(ctx, l, name)
	if asked.Wait(); unasked != nil || sealed {
		return job.Job{}, unasked
	}
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
func KeptJob(ctx context.Context, l *ledger.Ledger, name string) (job.Job, kept.Job, error) {
	k, err := kept.ReadJob(ctx, l.Folder(), name)
	switch {
	case ledger.Missing(err):
		names, nerr := kept.ListJobs(ctx, l.Folder())
		if nerr != nil {
			return job.Job{}, k, nerr
		}
		if len(names) == 0 {
			return job.Job{}, k, fault.New(fault.NotFound, "control.KeptJob", name, fmt.Errorf("the ledger keeps no job %q, and no other: ferry jobs apply %s keeps one of a file", name, name))
		}
		return job.Job{}, k, fault.New(fault.NotFound, "control.KeptJob", name, fmt.Errorf("the ledger keeps no job %q, but %s: ferry jobs apply %s keeps one of a file", name, strings.Join(names, ", "), name))
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
		return fault.New(fault.Newer, "control.KeptJob", name, fmt.Errorf("the job %s was kept by a newer version of Ferry, and this one does nothing for it: upgrade this one (%w)", name, err))
	}
	return fault.New(fault.Corrupt, "control.KeptJob", name, fmt.Errorf("the kept job %s cannot be read, and nothing is begun for it: ferry jobs apply %s replaces it by that of a file, ferry jobs remove %s takes it away (%w)", name, name, name, err))
}
