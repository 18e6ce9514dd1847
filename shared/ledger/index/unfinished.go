package index

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Open lists the runs of all jobs that began after since and are not over,
// without those of events. It costs a request for a thousand runs that there
// ever were, and one for each that is not over.
func Open(ctx context.Context, l *ledger.Ledger, since time.Time) ([]string, error) {
	return unfinished(ctx, l, since.UTC().Format(ledger.RunTime), ordinary)
}

// OpenEvents lists the runs of events of all jobs, of since's day and later,
// that are not over. It costs what Open does.
func OpenEvents(ctx context.Context, l *ledger.Ledger, since time.Time) ([]string, error) {
	return unfinished(ctx, l, since.UTC().Format(eventnames.DayTime), eventnames.IsRun)
}

// unfinished lists the runs that keep takes, whose time is not before first and
// that are not over. A run whose state cannot be read counts as not over.
func unfinished(ctx context.Context, l *ledger.Ledger, first string, keep func(run string) bool) ([]string, error) {
	marked, err := marked(ctx, l)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, run := range marked {
		if _, when, _ := strings.Cut(run, "/"); when < first || !keep(run) {
			continue
		}
		over, err := l.Run(run).Over(ctx)
		if err == nil && over {
			err = l.Run(run).Steering().MarkOver(ctx)
		}
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if !over {
			open = append(open, run)
		}
	}
	return open, nil
}

// marked lists the runs whose mark says that they are not over.
func marked(ctx context.Context, l *ledger.Ledger) (runs []string, err error) {
	err = l.Folder().List(ctx, store.Range{Prefix: ledger.OpenMark("")}, func(name string, o store.Object) {
		if o.Size == 0 {
			runs = append(runs, strings.TrimPrefix(name, ledger.OpenMark("")))
		}
	})
	return runs, err
}

// recalled is `open.json`: where the search for runs without a mark goes on. It
// is replaced in place; losing it costs another search.
type recalled struct {
	V       int    `json:"v"`
	After   string `json:"after,omitempty"` // the run that was looked at last
	AllSeen bool   `json:"whole,omitempty"` // every run there was has been looked at once
}

const (
	// recallFirst and recallLater are how many runs one call of Recall looks at,
	// until all have been looked at once, and after that.
	recallFirst = 500
	recallLater = 20
)

// walkers is how many runs are looked at side by side.
const walkers = 32

// Recall marks runs that are not over and have no mark, as those that an older
// version began. Each call looks at some runs, two
// requests each, and the next one at those behind them, round and round.
func Recall(ctx context.Context, l *ledger.Ledger) error {
	at, err := files.ReadRecord[recalled](ctx, l.Folder(), "open.json")
	if err != nil && !ledger.Missing(err) {
		return err
	}
	most := recallFirst
	if at.AllSeen {
		most = recallLater
	}
	runs, err := runsBehind(ctx, l, at.After, most)
	if err != nil {
		return err
	}
	if at.After = ""; len(runs) < most {
		at.AllSeen = true
	} else {
		at.After = runs[most-1]
	}
	if err := markUnfinished(ctx, l, runs); err != nil {
		return err
	}
	at.V = ledger.Version
	return files.WriteRecord(ctx, l.Folder(), "open.json", at)
}

// markUnfinished marks those of runs that are not over.
func markUnfinished(ctx context.Context, l *ledger.Ledger, runs []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for _, name := range runs {
		g.Go(func() error {
			run := l.Run(name)
			if over, err := run.Over(ctx); err != nil || over {
				return err
			}
			if _, err := run.ReadStarted(ctx); ledger.Missing(err) {
				return nil // the run left something, but never started
			}
			return run.Steering().MarkOpen(ctx)
		})
	}
	return g.Wait()
}

// runsBehind returns the names of most runs behind that one, job by job, or as many as there are.
func runsBehind(ctx context.Context, l *ledger.Ledger, after string, most int) (runs []string, err error) {
	jobs, err := Ran(ctx, l)
	if err != nil {
		return nil, err
	}
	last, when, _ := strings.Cut(after, "/")
	for _, job := range jobs {
		first := ""
		switch {
		case job < last:
			continue
		case job == last:
			first = when + "/"
		}
		for run, err := range files.Entries(ctx, l.Folder(), "runs/"+job+"/", first) {
			if err != nil {
				return nil, err
			}
			if runs = append(runs, job+"/"+strings.TrimSuffix(run, "/")); len(runs) == most {
				return runs, nil
			}
		}
	}
	return runs, nil
}
