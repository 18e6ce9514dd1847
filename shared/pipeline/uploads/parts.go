package uploads

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/random"
)

// lookups is how many requests about single records are made at a time.
const lookups = 16

// AllEnded reports whether every part of an upload has a record. It is called by
// the task of the parts from that number on, once that has its own record, and ends
// with the first task that is found open: one page of names from the caller's on, as
// long as a task that Begin returned is open. Then it reads the records of those, and
// of what they left over, the caller's first and the others in random order, so that
// of many open tasks one is soon found.
func AllEnded(ctx context.Context, l *ledger.Run, u upload.Upload, from int) (bool, error) {
	begun := transfer.Ranges(u)
	own := (from - 1) / u.PerTask
	ended := map[upload.PartRange]bool{}
	for _, stretch := range [][]upload.PartRange{begun[own:], begun[:own]} {
		if all, err := neighboursEnded(ctx, l, u.Batch, stretch, ended); err != nil || !all {
			return false, err
		}
	}
	order := random.Perm(len(begun))
	i := slices.Index(order, own)
	order[0], order[i] = order[i], order[0]
	for n := 1; len(order) > 0; n = min(2*n, lookups) {
		some := order[:min(n, len(order))]
		order = order[len(some):]
		var open atomic.Bool
		g, gctx := errgroup.WithContext(ctx)
		for _, i := range some {
			g.Go(func() error {
				done, err := taskEnded(gctx, l, u.Batch, begun[i], ended)
				if !done {
					open.Store(true)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil || open.Load() {
			return false, err
		}
	}
	return true, nil
}

// neighboursEnded reports whether all of some neighbouring tasks have a record. It adds those
// that have to ended, until one is found open.
func neighboursEnded(ctx context.Context, l *ledger.Run, batch string, tasks []upload.PartRange, ended map[upload.PartRange]bool) (bool, error) {
	if len(tasks) == 0 {
		return true, nil
	}
	end := tasks[len(tasks)-1].To
	err := upload.ListParts(ctx, l, batch, tasks[0].From, func(p upload.PartRange) bool {
		ended[p] = true
		if len(tasks) > 0 && p == tasks[0] {
			tasks = tasks[1:]
		}
		return p.From <= end && (len(tasks) == 0 || p.From <= tasks[0].From)
	})
	return len(tasks) == 0, err
}

// taskEnded reports whether a task and all tasks of what it left over have a record.
func taskEnded(ctx context.Context, l *ledger.Run, batch string, task upload.PartRange, ended map[upload.PartRange]bool) (bool, error) {
	if !ended[task] {
		return false, nil
	}
	p, err := upload.ReadParts(ctx, l, batch, task)
	if err != nil {
		return false, err
	}
	for _, next := range p.Next {
		if done, err := taskEnded(ctx, l, batch, next, ended); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// Parts returns the parts of an upload that have a record, by number, and the
// ranges that have none, by one listing and one read for each task that has a record.
func Parts(ctx context.Context, l *ledger.Run, u upload.Upload) (done []upload.PartRow, open []upload.PartRange, err error) {
	ended := map[upload.PartRange]bool{}
	err = upload.ListParts(ctx, l, u.Batch, 1, func(p upload.PartRange) bool {
		ended[p] = true
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	todo := transfer.Ranges(u)
	var mu sync.Mutex
	for len(todo) > 0 {
		layer := todo
		todo = nil
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(lookups)
		for _, task := range layer {
			if !ended[task] {
				mu.Lock()
				open = append(open, task)
				mu.Unlock()
				continue
			}
			g.Go(func() error {
				p, err := upload.ReadParts(gctx, l, u.Batch, task)
				mu.Lock()
				defer mu.Unlock()
				done, todo = append(done, p.Done...), append(todo, p.Next...)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(done, func(a, b upload.PartRow) int { return a.Number - b.Number })
	slices.SortFunc(open, func(a, b upload.PartRange) int { return a.From - b.From })
	return done, open, nil
}
