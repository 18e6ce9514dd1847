package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// A deployment's run that is not over has an empty file `open/<run>`, written
// before the run's first record; so has any run that was cancelled. Whoever
// finds the run over puts something into that file, for a function may remove
// nothing from a ledger. So one listing, a request for a thousand runs, finds
// those that are not over, however old they are, among all that there ever were.

func openMark(run string) string { return "open/" + run }

// markOpen writes the run's mark, unless there is one.
func (r *Run) markOpen(ctx context.Context) error {
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, r.ledger.top().put(ctx, openMark(r.Name), nil, store.Put{IfAbsent: true})
	}, fault.Changed)
	if fault.KindOf(err) == fault.Changed {
		return nil
	}
	return err
}

// MarkOver takes the run out of what Open and OpenEvents list.
func (r *Run) MarkOver(ctx context.Context) error {
	key := r.ledger.prefix + openMark(r.Name)
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, r.ledger.put(ctx, key, []byte("over"), store.Put{Brief: true})
	})
	return err
}

// Open lists the runs of all jobs that began after since and are not over,
// without those of events. It costs a request for a thousand runs that there
// ever were, and one for each that is not over.
func (l *Ledger) Open(ctx context.Context, since time.Time) ([]string, error) {
	return l.unfinished(ctx, since.UTC().Format(RunTime), ordinary)
}

// OpenEvents lists the runs of events of all jobs, of since's day and later,
// that are not over. It costs what Open does.
func (l *Ledger) OpenEvents(ctx context.Context, since time.Time) ([]string, error) {
	return l.unfinished(ctx, since.UTC().Format(eventDay), OfEvents)
}

// unfinished lists the runs that keep takes, whose time is not before first and
// that are not over. A run whose state cannot be read counts as not over.
func (l *Ledger) unfinished(ctx context.Context, first string, keep func(run string) bool) ([]string, error) {
	marked, err := l.marked(ctx)
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
			err = l.Run(run).MarkOver(ctx)
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
func (l *Ledger) marked(ctx context.Context) (runs []string, err error) {
	err = l.top().objects(ctx, store.Range{Prefix: openMark("")}, func(name string, o store.Object) {
		if o.Size == 0 {
			runs = append(runs, strings.TrimPrefix(name, openMark("")))
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

// Recall marks runs that are not over and have no mark, as those that an older
// version began. Each call looks at some runs, two
// requests each, and the next one at those behind them, round and round.
func (l *Ledger) Recall(ctx context.Context) error {
	at, err := readRecord[recalled](ctx, l.top(), "open.json")
	if err != nil && !Missing(err) {
		return err
	}
	most := recallFirst
	if at.AllSeen {
		most = recallLater
	}
	var runs []string
	for run := at.After; len(runs) < most; {
		if run, err = l.nextRun(ctx, run); err != nil {
			return err
		}
		if at.After = run; run == "" {
			at.AllSeen = true
			break
		}
		runs = append(runs, run)
	}
	if err := l.markUnfinished(ctx, runs); err != nil {
		return err
	}
	at.V = Version
	data, err := json.Marshal(at)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.Recall", "open.json", err)
	}
	return l.top().write(ctx, "open.json", data)
}

// markUnfinished marks those of runs that are not over.
func (l *Ledger) markUnfinished(ctx context.Context, runs []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for _, name := range runs {
		g.Go(func() error {
			run := l.Run(name)
			if over, err := run.Over(ctx); err != nil || over {
				return err
			}
			if _, err := run.Started(ctx); Missing(err) {
				return nil // it left something, but never started
			}
			return run.markOpen(ctx)
		})
	}
	return g.Wait()
}

// nextRun returns the name of the run behind that one, "" where there is none.
func (l *Ledger) nextRun(ctx context.Context, after string) (string, error) {
	in := store.Range{Prefix: l.prefix + "runs/"}
	if after != "" {
		in.After = in.Prefix + after + "/" + last
	}
	for o, err := range l.bucket.List(ctx, in) {
		if err != nil {
			return "", err
		}
		job, rest, _ := strings.Cut(strings.TrimPrefix(o.Key, in.Prefix), "/")
		when, _, _ := strings.Cut(rest, "/")
		return job + "/" + when, nil
	}
	return "", nil
}
