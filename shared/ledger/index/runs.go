// Package index is which runs a ledger has: of a job, of a day of its events, those that
// are not over, and those between the same pair of places. Start with Newest and Open;
// runs.go lists what there is, unfinished.go what is not over, pair.go what a later run
// may believe; folders.go lists the folders that they are.
package index

import (
	"context"
	"slices"
	"strings"
	"sync"
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
// no other.
func Newest(ctx context.Context, l *ledger.Ledger, job string, now time.Time) (string, error) {
	runs, err := LatestOrdinary(ctx, l, job, now, 1)
	if err != nil || len(runs) == 0 {
		return "", err
	}
	if n := notAhead(runs, now); n > 0 {
		return runs[n-1], nil
	}
	return runs[len(runs)-1], nil
}

// Latest lists the names of up to most of job's runs, those of its events included, the newest
// first.
func Latest(ctx context.Context, l *ledger.Ledger, job string, now time.Time, most int) (runs []string, err error) {
	runs, err = lookBack(ctx, l, job, now, func(string) bool { return true }, func(runs []string) bool { return len(runs) >= most })
	slices.Reverse(runs)
	return runs[:min(len(runs), most)], err
}

// NamedAhead lists job's runs that are IsAhead.
func NamedAhead(ctx context.Context, l *ledger.Ledger, job string, now time.Time) ([]string, error) {
	return named(ctx, l, job, now.Add(Ahead).UTC().Format(ledger.RunTime), func(run string) bool { return ordinary(run) && IsAhead(run, now) })
}

// LatestOrdinary lists the names of job's runs, but for those of its events, oldest first: at
// least the newest most of them that are not IsAhead, and all that are.
func LatestOrdinary(ctx context.Context, l *ledger.Ledger, job string, now time.Time, most int) ([]string, error) {
	return lookBack(ctx, l, job, now, ordinary, func(runs []string) bool { return notAhead(runs, now) >= most })
}

// notAhead is how many of runs, in order, are not IsAhead: those come first.
func notAhead(runs []string, now time.Time) int {
	n := len(runs)
	for n > 0 && IsAhead(runs[n-1], now) {
		n--
	}
	return n
}

// lookBack lists the names of job's runs that keep takes, oldest first: all, or those of the last
// days where these are enough. All are asked for at once, a request for a thousand, and meanwhile
// those of ever more days: a job has few runs, or has some that are not old.
func lookBack(ctx context.Context, l *ledger.Ledger, job string, now time.Time, keep func(run string) bool, enough func(runs []string) bool) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer func() { cancel(); asking.Wait() }()
	type answer struct {
		runs []string
		err  error
	}
	ask := func(first string) <-chan answer {
		found := make(chan answer, 1)
		asking.Go(func() {
			runs, err := named(ctx, l, job, first, keep)
			found <- answer{runs, err}
		})
		return found
	}
	all := ask("")
	for _, back := range []time.Duration{12 * time.Hour, 4 * 24 * time.Hour, 32 * 24 * time.Hour} {
		select {
		case a := <-all:
			return a.runs, a.err
		case a := <-ask(now.Add(-back).UTC().Format(ledger.RunTime)):
			if a.err != nil || enough(a.runs) {
				return a.runs, a.err
			}
		}
	}
	a := <-all
	return a.runs, a.err
}

// Ran lists the jobs that have runs, kept or not.
func Ran(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	return folders(ctx, l.Folder(), "runs/", "")
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
		first = run[strings.LastIndexByte(run, '/')+1:] + "/"
	}
	return named(ctx, l, job, first, ordinary)
}

// ordinary reports whether a run of that name is not one of events.
func ordinary(run string) bool { return !eventnames.IsRun(run) }

// named lists those of job's runs after first that keep takes.
func named(ctx context.Context, l *ledger.Ledger, job, first string, keep func(run string) bool) (names []string, err error) {
	found, err := folders(ctx, l.Folder(), "runs/"+job+"/", first)
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
	found, err := folders(ctx, r.Folder(), ledger.Verifications+"/", "")
	for _, at := range found {
		names = append(names, r.Name+"/"+ledger.Verifications+"/"+at)
	}
	return names, err
}
