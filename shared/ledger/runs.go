package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// Ahead is how far the time in a run's name may lie ahead of a clock that is right:
// OSS takes no request of a clock that is off by more than 15 minutes.
const Ahead = 15 * time.Minute

// IsAhead reports whether a run is named by a time that no clock can have shown yet.
func IsAhead(run string, now time.Time) bool {
	return run[strings.LastIndexByte(run, '/')+1:] > now.Add(Ahead).UTC().Format(RunTime)
}

// Newest returns the name of job's newest run, "" where it has none. One that
// IsAhead, as it was begun by a clock that was wrong, is the newest where there is
// no other. It looks back further and further, for a listing of runs costs a
// request for each.
func (l *Ledger) Newest(ctx context.Context, job string, now time.Time) (string, error) {
	ahead := ""
	for _, first := range []string{now.Add(-time.Hour).UTC().Format(RunTime), now.Add(-48 * time.Hour).UTC().Format(RunTime), ""} {
		found, err := l.runs(ctx, job, first, ordinary)
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

// NamedAhead lists job's runs that are IsAhead.
func (l *Ledger) NamedAhead(ctx context.Context, job string, now time.Time) ([]string, error) {
	return l.runs(ctx, job, now.Add(Ahead).UTC().Format(RunTime), func(run string) bool { return ordinary(run) && IsAhead(run, now) })
}

// Ran lists the jobs that have runs, kept or not.
func (l *Ledger) Ran(ctx context.Context) ([]string, error) {
	return l.folders(ctx, l.prefix+"runs/", "")
}

// Runs lists the names of job's runs, oldest first, without those of its events.
func (l *Ledger) Runs(ctx context.Context, job string) ([]string, error) {
	return l.runs(ctx, job, "", ordinary)
}

// ordinary reports whether a run of that name is not one of events.
func ordinary(run string) bool { return !OfEvents(run) }

// runs lists those of job's runs after first that keep takes.
func (l *Ledger) runs(ctx context.Context, job, first string, keep func(run string) bool) (names []string, err error) {
	found, err := l.folders(ctx, l.prefix+"runs/"+job+"/", first)
	for _, run := range found {
		if name := job + "/" + run; keep(name) {
			names = append(names, name)
		}
	}
	return names, err
}

// RunTime is how a run's name writes when it began, in UTC, so that names sort by time.
const RunTime = "20060102T150405Z"

// folders lists the names between base and the next slash, those after first.
func (l *Ledger) folders(ctx context.Context, base, first string) (names []string, err error) {
	for after := base + first; ; {
		// One page of one name tells the next folder; then everything in it is jumped over.
		found := ""
		for o, err := range l.bucket.List(ctx, store.Range{Prefix: base, After: after}) {
			if err != nil {
				return nil, err
			}
			found, _, _ = strings.Cut(strings.TrimPrefix(o.Key, base), "/")
			break
		}
		if found == "" {
			return names, nil
		}
		names = append(names, found)
		after = base + found + "/" + "\U0010ffff"
	}
}
