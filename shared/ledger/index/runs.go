// Package index is which runs a ledger has: of a job, of a day of its events, those that
// are not over, and those between the same pair of places. Start with Newest and Open;
// runs.go lists what there is, unfinished.go what is not over, pair.go what a later run
// may believe; folders.go lists the folders that they are.
package index

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
)

// Ahead is how far the time in a run's name may lie ahead of a clock that is right:
// OSS takes no request of a clock that is off by more than 15 minutes.
const Ahead = 15 * time.Minute

// IsAhead reports whether a run is named by a time that no clock can have shown yet.
func IsAhead(run string, now time.Time) bool {
	return run[strings.LastIndexByte(run, '/')+1:] > now.Add(Ahead).UTC().Format(ledger.RunTime)
}

// Newest returns the name of job's newest run, "" where it has none. One that
// IsAhead, as it was begun by a clock that was wrong, is the newest where there is
// no other. It looks back further and further, for a listing of runs costs a
// request for each.
func Newest(ctx context.Context, l *ledger.Ledger, job string, now time.Time) (string, error) {
	ahead := ""
	for _, first := range []string{now.Add(-time.Hour).UTC().Format(ledger.RunTime), now.Add(-48 * time.Hour).UTC().Format(ledger.RunTime), ""} {
		found, err := named(ctx, l, job, first, ordinary)
		if err != nil {
			return "", err
		}
		for _, run := range slices.Backward(found) {
			if !IsAhead(run, now) {
				return run, nil
			}
			ahead = cmp.Or(ahead, run)
		}
	}
	return ahead, nil
}

// Latest lists the names of up to most of job's runs, those of its events included, the newest
// first. As Newest does it looks back further and further: a listing of runs costs a
// request for each.
func Latest(ctx context.Context, l *ledger.Ledger, job string, now time.Time, most int) (runs []string, err error) {
	for _, back := range []time.Duration{48 * time.Hour, 32 * 24 * time.Hour, 0} {
		first := ""
		if back > 0 {
			first = now.Add(-back).UTC().Format(ledger.RunTime)
		}
		if runs, err = named(ctx, l, job, first, func(string) bool { return true }); err != nil || len(runs) >= most {
			break
		}
	}
	slices.Reverse(runs)
	return runs[:min(len(runs), most)], err
}

// NamedAhead lists job's runs that are IsAhead.
func NamedAhead(ctx context.Context, l *ledger.Ledger, job string, now time.Time) ([]string, error) {
	return named(ctx, l, job, now.Add(Ahead).UTC().Format(ledger.RunTime), func(run string) bool { return ordinary(run) && IsAhead(run, now) })
}

// LatestOrdinary lists the names of job's runs, but for those of its events, oldest first: at
// least the newest most of them that are not IsAhead, and all that are. As Newest does it
// looks back further and further.
func LatestOrdinary(ctx context.Context, l *ledger.Ledger, job string, now time.Time, most int) (runs []string, err error) {
	for _, back := range []time.Duration{time.Hour, 48 * time.Hour, 32 * 24 * time.Hour, 0} {
		first := ""
		if back > 0 {
			first = now.Add(-back).UTC().Format(ledger.RunTime)
		}
		if runs, err = named(ctx, l, job, first, ordinary); err != nil {
			return nil, err
		}
		ahead := 0
		for ahead < len(runs) && IsAhead(runs[len(runs)-1-ahead], now) {
			ahead++
		}
		if len(runs)-ahead >= most {
			break
		}
	}
	return runs, nil
}

// HasRuns reports whether a job has any run, those of its events included: one request.
func HasRuns(ctx context.Context, l *ledger.Ledger, job string) (bool, error) {
	found, err := nextFolder(ctx, l.Folder(), "runs/"+job+"/", gap{})
	return found != "", err
}

// Ran lists the jobs that have runs, kept or not.
func Ran(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	return folders(ctx, l.Folder(), "runs/", "", time.Time{})
}

// Runs lists the names of job's runs, oldest first, without those of its events.
func Runs(ctx context.Context, l *ledger.Ledger, job string) ([]string, error) {
	return named(ctx, l, job, "", ordinary)
}

// After lists the names of job's runs that sort behind run, "" for all, oldest first, without
// those of its events.
func After(ctx context.Context, l *ledger.Ledger, job, run string) ([]string, error) {
	first := ""
	if run != "" {
		first = run[strings.LastIndexByte(run, '/')+1:] + "/" + last
	}
	return named(ctx, l, job, first, ordinary)
}

// ordinary reports whether a run of that name is not one of events.
func ordinary(run string) bool { return !eventnames.IsRun(run) }

// named lists those of job's runs after first that keep takes.
func named(ctx context.Context, l *ledger.Ledger, job, first string, keep func(run string) bool) (names []string, err error) {
	found, err := folders(ctx, l.Folder(), "runs/"+job+"/", first, time.Now())
	for _, run := range found {
		if name := job + "/" + run; keep(name) {
			names = append(names, name)
		}
	}
	return names, err
}

// DayRuns names the runs of a job's events of the day that run is one of, in
// the order in which they began; run itself where it is not one of events.
func DayRuns(ctx context.Context, l *ledger.Ledger, run string) (names []string, err error) {
	at, ok := eventnames.Day(run)
	if !ok {
		return []string{run}, nil
	}
	for n := 1; ; n++ {
		name := eventnames.Run(l.Run(run).Job(), at, n)
		switch _, err := l.Run(name).ReadStarted(ctx); {
		case ledger.Missing(err):
			return names, nil
		case err != nil:
			return nil, err
		}
		names = append(names, name)
	}
}

// EventRuns lists the names of job's runs of events, oldest first.
func EventRuns(ctx context.Context, l *ledger.Ledger, job string) ([]string, error) {
	return named(ctx, l, job, "", eventnames.IsRun)
}

// Verifications lists the names of the run's verifications, oldest first.
func Verifications(ctx context.Context, r *ledger.Run) (names []string, err error) {
	found, err := folders(ctx, r.Folder(), ledger.Verifications+"/", "", time.Now())
	for _, at := range found {
		names = append(names, r.Name+"/"+ledger.Verifications+"/"+at)
	}
	return names, err
}
