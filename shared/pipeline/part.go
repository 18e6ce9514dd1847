package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/random"
	"kodoferry/shared/task"
)

// inParts reports whether a pending object goes in parts.
func (r *run) inParts(row ledger.Row) bool {
	return transfer.InParts(r.job, row)
}

// begin opens the upload of a batch's one pending object and yields its Part
// tasks. Where the upload is open already it yields what is left of it, so a
// lost message of a Part or a Finish is sent again by sending Begin again.
func (r *run) begin(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if ledger.Missing(err) {
		var row ledger.Row
		if u, row, err = r.initiate(ctx, t); err == nil && u.ID == "" {
			return r.settle(ctx, t, row, 0)
		}
		err = ofObject(row.Key(), err)
	}
	if err != nil {
		return nil, err
	}
	_, open, err := r.uploaded(ctx, u)
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return []task.Task{ofUpload(task.Finish, t)}, nil
	}
	return partTasks(t, open), nil
}

// ofUpload returns another task for the upload that t is for. It is sent again
// if t is: one with the body of the first might be taken for that, which was
// done as far as it had failed or waited.
func ofUpload(kind task.Kind, t task.Task) task.Task {
	return task.Task{Kind: kind, Run: t.Run, Shard: t.Shard, Batch: t.Batch, Resend: t.Resend}
}

func partTasks(of task.Task, ranges []ledger.PartRange) []task.Task {
	var next []task.Task
	for _, p := range ranges {
		t := ofUpload(task.Part, of)
		t.From, t.To = p.From, p.To
		next = append(next, t)
	}
	return next
}

// initiate opens an upload and creates its record. Where the object needs none, its
// row says what became of it, and the upload has no ID.
func (r *run) initiate(ctx context.Context, t task.Task) (ledger.Upload, ledger.Row, error) {
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return ledger.Upload{}, ledger.Row{}, err
	}
	i := slices.IndexFunc(rows, func(row ledger.Row) bool { return row.State == ledger.Pending })
	if i < 0 {
		return ledger.Upload{}, ledger.Row{}, fault.New(fault.Invalid, "pipeline.begin", t.Batch, errors.New("the batch has no pending object"))
	}
	c := r.transfer(t)
	u, row, err := c.Begin(ctx, rows[i], t.Again(), func(ctx context.Context) (string, error) {
		recorded, err := r.ledger.Upload(ctx, t.Batch)
		if ledger.Missing(err) {
			err = nil
		}
		return recorded.ID, err
	})
	if err != nil || u.ID == "" {
		return u, row, err
	}
	id := u.ID
	u.Batch, u.Shard, u.At = t.Batch, t.Shard, r.config.Now().UTC()
	u, err = r.ledger.BeginUpload(ctx, u)
	if err != nil || u.ID != id { // no record that is known names it, or a twin was faster
		c.AbortOwn(ctx, row.Key(), id)
	}
	return u, row, err
}

// part uploads some parts of an object. What did not fit the invocation is
// left to tasks of its own; whoever leaves the last part yields the Finish.
func (r *run) part(ctx context.Context, t task.Task) ([]task.Task, error) {
	w, err := r.ledger.WrittenOff(ctx, t.Batch)
	if !ledger.Missing(err) {
		if err == nil { // an upload may have been begun while its batch was written off
			r.drop(ctx, t.Batch)
		}
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	if p, err := r.ledger.EndedParts(ctx, t.Batch, ledger.PartRange{From: t.From, To: t.To}); !ledger.Missing(err) {
		return r.afterPart(ctx, t, u, p, err)
	}
	c := r.transfer(t)
	if t.Waits%(maxShortWaits+1) < maxShortWaits && deadline.Near(ctx, c.PartTime(u.PartSize)) {
		return r.wait(t), nil // several messages share one deadline
	}
	p := ledger.Parts{From: t.From, To: t.To}
	var missing error
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	if p.Done, missing = c.Parts(work, u, t.From, t.To); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	no, taken := verdict.IsUnwanted(missing)
	switch kind := fault.KindOf(missing); {
	case taken && no.Why != "":
		return r.abandon(ctx, t, u, c.Withdraw(u.Row, no))
	case r.stopped(ctx, work) && len(p.Done) == 0:
		return r.wait(t), nil
	case r.stopped(ctx, work): // what is done is kept
	case kind == fault.Changed || kind == fault.NotFound:
		return r.abandon(ctx, t, u, c.Restart(ctx, u.Row, missing))
	case missing == transfer.ErrNoStream:
		return r.pass(t), nil
	case len(p.Done) == 0 && missing == nil: // not one part fits an invocation
		row, err := transfer.Shrink(u)
		if err != nil {
			return nil, err
		}
		return r.abandon(ctx, t, u, row)
	case len(p.Done) == 0:
		return nil, ofObject(u.Row.Key(), missing)
	case missing != nil:
		r.log.WarnContext(ctx, "some parts not copied, will be tried again", "key", u.Row.Key(), "fault", kind, "err", missing)
		r.config.Watch(Progress{Kind: Caught, Key: u.Row.Key(), Err: missing})
	}
	p.Next, p.At = gaps(t.From, t.To, p.Done), r.config.Now().UTC()
	p, err = r.ledger.EndParts(ctx, t.Batch, p)
	return r.afterPart(ctx, t, u, p, err)
}

// maxShortWaits is how often in a row a Part task waits for an invocation with time
// enough; waits for a place among the run's processes may have come before.
const maxShortWaits = 3

// gaps returns the stretches of from to to that are not done.
func gaps(from, to int, done []ledger.PartRow) []ledger.PartRange {
	var out []ledger.PartRange
	for _, p := range done {
		if from < p.Number {
			out = append(out, ledger.PartRange{From: from, To: p.Number - 1})
		}
		from = p.Number + 1
	}
	if from <= to {
		out = append(out, ledger.PartRange{From: from, To: to})
	}
	return out
}

func (r *run) afterPart(ctx context.Context, t task.Task, u ledger.Upload, p ledger.Parts, err error) ([]task.Task, error) {
	if err != nil {
		return nil, err
	}
	if len(p.Next) > 0 {
		return partTasks(t, p.Next), nil // some parts were done: that is no failed try
	}
	if whole, err := r.whole(ctx, u, t.From); err != nil || !whole {
		return nil, err
	}
	return []task.Task{ofUpload(task.Finish, t)}, nil
}

// whole reports whether every part is uploaded, for the task that had those
// from that number on. Each task asks it once, when it has left its record: so
// it ends with the first task that is found open. While tasks that Begin has
// yielded are, that is one page of names, from the asker's on; then the tasks
// that took what these left over are looked at, the asker's first and the others
// in any order, so that of many open ones one is met soon.
func (r *run) whole(ctx context.Context, u ledger.Upload, from int) (bool, error) {
	begun := transfer.Ranges(u)
	own := (from - 1) / u.PerTask
	ended := map[ledger.PartRange]bool{}
	for _, stretch := range [][]ledger.PartRange{begun[own:], begun[:own]} {
		if all, err := r.allEnded(ctx, u.Batch, stretch, ended); err != nil || !all {
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
				done, err := r.taskEnded(gctx, u.Batch, begun[i], ended)
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

// allEnded reports whether all of some neighbouring tasks have ended, and adds
// to ended which have, until one is found open.
func (r *run) allEnded(ctx context.Context, batch string, tasks []ledger.PartRange, ended map[ledger.PartRange]bool) (bool, error) {
	if len(tasks) == 0 {
		return true, nil
	}
	end := tasks[len(tasks)-1].To
	err := r.ledger.PartTasks(ctx, batch, tasks[0].From, func(p ledger.PartRange) bool {
		ended[p] = true
		if len(tasks) > 0 && p == tasks[0] {
			tasks = tasks[1:]
		}
		return p.From <= end && (len(tasks) == 0 || p.From <= tasks[0].From)
	})
	return len(tasks) == 0, err
}

// taskEnded reports whether a task has ended, and those that took what it left over.
func (r *run) taskEnded(ctx context.Context, batch string, task ledger.PartRange, ended map[ledger.PartRange]bool) (bool, error) {
	if !ended[task] {
		return false, nil
	}
	p, err := r.ledger.EndedParts(ctx, batch, task)
	if err != nil {
		return false, err
	}
	for _, next := range p.Next {
		if done, err := r.taskEnded(ctx, batch, next, ended); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// uploaded reads what was uploaded, by number, and which parts no record has:
// a listing, and a read for each task that has ended.
func (r *run) uploaded(ctx context.Context, u ledger.Upload) (done []ledger.PartRow, open []ledger.PartRange, err error) {
	ended := map[ledger.PartRange]bool{}
	err = r.ledger.PartTasks(ctx, u.Batch, 1, func(p ledger.PartRange) bool {
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
		g.SetLimit(16)
		for _, task := range layer {
			if !ended[task] {
				mu.Lock()
				open = append(open, task)
				mu.Unlock()
				continue
			}
			g.Go(func() error {
				p, err := r.ledger.EndedParts(gctx, u.Batch, task)
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
	slices.SortFunc(done, func(a, b ledger.PartRow) int { return a.Number - b.Number })
	slices.SortFunc(open, func(a, b ledger.PartRange) int { return a.From - b.From })
	return done, open, nil
}
