package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
)

// FindRun opens the run of that name in l, which is at a location, or the newest run of
// the job of that name. A name that is none is Invalid; NotFound is the error for a run
// that is not there, and names those that are.
func FindRun(ctx context.Context, l *ledger.Ledger, at job.Location, name string, now time.Time) (*ledger.Run, error) {
	missing := func(format string, args ...any) error {
		return fault.New(fault.NotFound, "control.FindRun", name, fmt.Errorf(format, args...))
	}
	if ledger.IsVerification(name) {
		run := l.Run(name)
		_, err := run.ReadStarted(ctx)
		if ledger.Missing(err) {
			return nil, missing("there is no verification %q in %s: ferry report %s names those of its run", name, at.Place(), ledger.VerifiedRun(name))
		}
		return run, err
	}
	jobName, when, whole := strings.Cut(name, "/")
	if jobName == "" || strings.Contains(when, "/") || whole && when == "" {
		return nil, fault.New(fault.Invalid, "control.FindRun", name, fmt.Errorf("%q names no run: it is <job>/<time>, or <job> for the newest", name))
	}
	if whole {
		run := l.Run(name)
		if _, err := run.ReadStarted(ctx); !ledger.Missing(err) {
			return run, err
		}
		runs, err := index.LatestOrdinary(ctx, l, jobName, now, mostNamed)
		if err != nil {
			return nil, err
		}
		if len(runs) > 0 {
			return nil, missing("there is no run %q in %s; of that job there are: %s", name, at.Place(), strings.Join(runs[max(0, len(runs)-mostNamed):], ", "))
		}
	}
	newest, err := index.Newest(ctx, l, jobName, now)
	switch {
	case err != nil:
		return nil, err
	case newest == "":
		return nil, noRun(ctx, l, at, jobName)
	}
	run := l.Run(newest)
	_, err = run.ReadStarted(ctx)
	return run, err
}

// noRun is the error for a job that l has no run of: it names the jobs with runs.
func noRun(ctx context.Context, l *ledger.Ledger, at job.Location, name string) error {
	ran, err := index.Ran(ctx, l)
	if err != nil {
		return err
	}
	has := "there is none of any other either: ferry copy begins one"
	if len(ran) > 0 {
		has = "there are runs of " + strings.Join(ran[:min(mostNamed, len(ran))], ", ") + job.Meant(name, ran...)
		if more := len(ran) - mostNamed; more > 0 {
			has += fmt.Sprintf(" and %d jobs more", more)
		}
	}
	return fault.New(fault.NotFound, "control.FindRun", name, fmt.Errorf("there is no run of a job %q in %s; %s: ferry runs lists all", name, at.Place(), has))
}

// mostNamed is how many of the runs of a job an error names: the newest.
const mostNamed = 10

// JobNames lists the jobs that l knows: those that it keeps, and those that have runs.
func JobNames(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	jobs, err := kept.ListJobs(ctx, l.Folder())
	if err != nil {
		return nil, err
	}
	ran, err := index.Ran(ctx, l)
	if err != nil {
		return nil, err
	}
	return slices.Compact(slices.Sorted(slices.Values(append(jobs, ran...)))), nil
}

// RequireJob is nil for a job that l, which is at a location, keeps or has a run of. A name
// that is none is Invalid; NotFound is the error for any other, and names those that are there.
func RequireJob(ctx context.Context, l *ledger.Ledger, at job.Location, name string) error {
	if err := RequireJobName(name); err != nil {
		return err
	}
	all, err := JobNames(ctx, l)
	if err != nil || slices.Contains(all, name) {
		return err
	}
	has := "none"
	if len(all) > 0 {
		has = strings.Join(all, ", ") + job.Meant(name, all...)
	}
	return fault.New(fault.NotFound, "control.RequireJob", name, fmt.Errorf("there is no job %q in %s: it has %s", name, at.Place(), has))
}

// RequireJobName refuses with Invalid what cannot be the name of a job.
func RequireJobName(name string) error {
	if strings.ContainsAny(name, "/:") || name == "" {
		return fault.New(fault.Invalid, "control.RequireJobName", name, fmt.Errorf("%q is no name of a job: ferry jobs list shows those that are kept", name))
	}
	return nil
}
