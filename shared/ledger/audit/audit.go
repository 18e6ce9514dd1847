// Package audit keeps who asked for which change of jobs and runs, and what came of it:
// `audit/<time>-<nonce>/asked.json`, and `ended.json` beside it. Begin writes the first
// before anything is done, so that nothing is done unwritten.
package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Asked is a change that a person asked for.
type Asked struct {
	V       int       `json:"v"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`               // the name that the person signed in by
	From    string    `json:"from,omitempty"`    // the address that the request came from
	What    string    `json:"what"`              // start, keep, pause, …: the command's word
	On      string    `json:"on"`                // the run or the job
	Command string    `json:"command,omitempty"` // the command that does the same
}

// Ended is what came of a change.
type Ended struct {
	V     int       `json:"v"`
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"` // why it was not made
	Says  string    `json:"says,omitempty"`  // what was done
}

// Entry is a change with what came of it: no Ended while it goes on, or where the process
// died over it.
type Entry struct {
	Name string
	Asked
	Ended *Ended
}

const dir = "audit/"

func asked(name string) string { return dir + name + "/asked.json" }
func ended(name string) string { return dir + name + "/ended.json" }

// Begin writes a change down and returns its name.
func Begin(ctx context.Context, f files.Folder, a Asked) (name string, err error) {
	a.V = files.Version
	name = a.At.UTC().Format(files.Time) + "-" + ledger.Nonce()
	_, err = files.CreateRecord(ctx, f, asked(name), a)
	return name, err
}

// End writes down what came of the change of that name.
func End(ctx context.Context, f files.Folder, name string, e Ended) error {
	e.V = files.Version
	_, err := files.CreateRecord(ctx, f, ended(name), e)
	return err
}

// Newest reads the newest changes since then, at most so many, the newest first. What
// cannot be read is left out.
func Newest(ctx context.Context, f files.Folder, since time.Time, most int) ([]Entry, error) {
	names := map[string]bool{} // whether what came of it is written
	err := f.List(ctx, store.Range{After: dir + since.UTC().Format(files.Time), UpTo: dir + "\xff"}, func(name string, _ store.Object) {
		if id, ok := strings.CutSuffix(strings.TrimPrefix(name, dir), "/asked.json"); ok {
			names[id] = names[id] || false
		} else if id, ok := strings.CutSuffix(strings.TrimPrefix(name, dir), "/ended.json"); ok {
			names[id] = true
		}
	})
	if err != nil {
		return nil, err
	}
	newest := slices.Sorted(func(yield func(string) bool) {
		for name := range names {
			if !yield(name) {
				return
			}
		}
	})
	newest = newest[max(0, len(newest)-most):]
	slices.Reverse(newest)
	all := make([]*Entry, len(newest))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, name := range newest {
		g.Go(func() error {
			e, err := read(gctx, f, name, names[name])
			if err == nil {
				all[i] = &e
			} else if !files.Unreadable(err) && fault.KindOf(err) != fault.NotFound {
				return err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var entries []Entry
	for _, e := range all {
		if e != nil {
			entries = append(entries, *e)
		}
	}
	return entries, nil
}

func read(ctx context.Context, f files.Folder, name string, hasEnd bool) (Entry, error) {
	e := Entry{Name: name}
	var err error
	if e.Asked, err = files.ReadRecord[Asked](ctx, f, asked(name)); err != nil || !hasEnd {
		return e, err
	}
	end, err := files.ReadRecord[Ended](ctx, f, ended(name))
	if err == nil {
		e.Ended = &end
	}
	return e, err
}
