package app

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/check"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// CheckEnds asks source and target whether they can be read, and leaves the
// ledger alone: a plan has none.
func (s Sites) CheckEnds(ctx context.Context) error {
	return check.All(ctx, []func(context.Context) error{s.Source.Check, s.Target.Check})
}

// Plan says what a run of j would do, with the keys that it lists, if it does. Where ctx
// ends early it returns what was found until then, with the error. watch is called as
// objects are listed.
func Plan(ctx context.Context, s Sites, j job.Job, keys []string, watch func(objects, bytes int64)) (plan.Plan, error) {
	if err := control.RequireKeys(j, keys); err != nil {
		return plan.Plan{}, err
	}
	var told doubts
	p, err := plan.Make(ctx, plan.Sides{Source: s.Source, Target: s.Target, Last: s.lastRows(j, &told), Writing: s.writing(&told), Listed: watch}, j, keys...)
	p.Notes = append(p.Notes, told.notes...)
	return p, err
}

// lastRows returns what reads the rows that a run of j would remember. Where the ledger
// cannot be read there are none: the plan asks the target in their place.
func (s Sites) lastRows(j job.Job, told *doubts) func(ctx context.Context, in store.Range) (verdict.Lasts, func()) {
	return func(ctx context.Context, in store.Range) (verdict.Lasts, func()) {
		runs, err := memory.Choose(ctx, s.Ledger, j, "", told.add)
		if err != nil {
			told.unread(ctx, err)
			runs = nil
		}
		m := &memory.Memory{Ledger: s.Ledger, Runs: runs, Range: in, Warn: told.add}
		c := m.Open(ctx, in)
		return c.Find, c.Close
	}
}

// writing returns what finds the record of a writing, as a run does. Where the ledger cannot
// be read there is none.
func (s Sites) writing(told *doubts) func(ctx context.Context, key string, o store.Origin) (*ledger.Row, error) {
	w := events.Writings{Ledger: s.Ledger, Now: time.Now, Runs: memory.ByRun{Ledger: s.Ledger, Now: time.Now, Warn: told.add}}
	return func(ctx context.Context, key string, o store.Origin) (*ledger.Row, error) {
		row, err := w.Of(ctx, "", key, o)
		if err != nil {
			told.unread(ctx, err)
		}
		return row, ctx.Err()
	}
}

// doubts are notes on the files of earlier runs that a plan cannot believe, one each: up
// to mostDoubts. It is safe for concurrent use.
type doubts struct {
	mu    sync.Mutex
	files []string
	notes []string
}

const mostDoubts = 20

// unread notes, once, that what earlier runs left cannot be read.
func (d *doubts) unread(ctx context.Context, err error) {
	if ctx.Err() != nil || ledger.Missing(err) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	const none = "what earlier runs left cannot be read, so that the plan asks the target in its place: "
	if !slices.ContainsFunc(d.notes, func(n string) bool { return strings.HasPrefix(n, none) }) {
		d.notes = append(d.notes, none+fault.Sentence(err))
	}
}

func (d *doubts) add(file string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.files) >= mostDoubts || slices.Contains(d.files, file) {
		return
	}
	d.files = append(d.files, file)
	d.notes = append(d.notes, memory.Disbelieved(file, err))
}

// QuickPlan estimates in under a minute what a run of j would do. watch is as of Plan.
func QuickPlan(ctx context.Context, s Sites, j job.Job, watch func(objects, bytes int64)) (plan.Plan, error) {
	return plan.Quick(ctx, plan.Sides{Source: s.Source, Target: s.Target, Listed: watch}, j)
}

// Diff compares the sides of j, key by key, by what earlier runs proved where the ledger
// has that. watch is as of Plan.
func Diff(ctx context.Context, s Sites, j job.Job, watch func(objects, bytes int64)) iter.Seq2[plan.Difference, error] {
	return plan.Diff(ctx, plan.Sides{Source: s.Source, Target: s.Target, Last: s.lastRows(j, &doubts{}), Listed: watch}, j)
}
