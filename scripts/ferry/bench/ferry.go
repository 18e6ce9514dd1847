package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// errMeasured is the cause of the end of a run of which only one stage is measured.
var errMeasured = errors.New("the stage is measured")

// connect opens both sides and the ledger of a spec, and returns its job.
func connect(spec Spec) (app.Sites, job.Job, error) {
	j, err := job.New(spec.Source, spec.Target, spec.Ledger, func(j *job.Job) {
		j.Name, j.Limits.Parallel = spec.Job, cmp.Or(spec.Parallel, j.Limits.Parallel)
	})
	if err != nil {
		return app.Sites{}, j, err
	}
	sites, err := app.Load(os.Getenv).Connect(j)
	return sites, j, err
}

// runFerry runs a migration as `ferry copy` does, and sets the stretches of r.
//
// Of a whole run, Measured goes from before the first request until the last
// object is written off: connecting, listing, ledger and queue are in it,
// verification is not. Copying begins with the first Copy task, Complete ends
// with the report. Of one stage, Measured ends when nothing of it is left.
func runFerry(ctx context.Context, spec Spec, m *meter, r *Measurement) error {
	sites, j, err := connect(spec)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	g := &gauge{meter: m, result: r, stage: spec.Stage, left: spec.Objects, open: 1, over: stop}
	if spec.Stage == stageFirst {
		return g.first(ctx, sites, j)
	}
	rep, err := app.Copy(ctx, sites, j, agent.CopyOptions{Watch: g.watch, Begun: g.begun, Around: g.around})
	switch {
	case spec.Stage == stageCopy && err != nil:
		return err
	case spec.Stage != stageCopy && !errors.Is(err, errMeasured):
		return fmt.Errorf("the %s stage did not end as it should: %w", spec.Stage, err)
	case spec.Stage == stageCopy && (rep.Result != report.Verified || rep.Objects.Copied != spec.Objects || r.Measured == (span{})):
		return fmt.Errorf("the run ended %s with %d of %d objects copied: nothing to be measured", rep.Result, rep.Objects.Copied, spec.Objects)
	case spec.Stage == stageCopy:
		r.Complete = m.since(reading{})
	default:
		r.Objects = g.seen.Load()
	}
	return nil
}

// first runs the migration until nothing is left that begins, or the deadline has passed.
func (g *gauge) first(ctx context.Context, sites app.Sites, j job.Job) error {
	ctx, enough := context.WithTimeoutCause(ctx, FirstDeadline, errMeasured)
	defer enough()
	g.begins = &begins{meter: g.meter, over: g.over}
	if _, err := app.Copy(ctx, sites, j, agent.CopyOptions{Watch: g.begins.watch, Around: g.around}); err != nil && !errors.Is(err, errMeasured) {
		return err
	}
	g.begins.mu.Lock()
	defer g.begins.mu.Unlock()
	g.result.Began = g.begins.began
	return nil
}

// gauge is a worker.Doer around the pipeline that measures where its stages begin
// and end. It is safe for concurrent use.
type gauge struct {
	do     worker.Doer
	meter  *meter
	result *Measurement
	stage  stage
	over   func(why error) // ends the run
	seen   atomic.Int64    // objects listed or verified
	begins *begins         // of the scenario first

	mu     sync.Mutex
	copies reading // when the first Copy task began
	left   int64   // objects not written off
	open   int     // tasks of the stage not done
}

// around puts g around d.
func (g *gauge) around(d worker.Doer) worker.Doer {
	g.do = d
	return g
}

// begun is called at the beginning of the run. Of one that is continued, found has the
// progress: its listed shards are still to be verified.
func (g *gauge) begun(_ string, found *progress.Run) {
	if found == nil {
		return
	}
	g.open = 0
	for _, s := range found.Shards {
		if s.Closed != nil && s.Proved == nil {
			g.open++
		}
	}
}

// watch counts the objects of the stage that is measured.
func (g *gauge) watch(e watch.Progress) {
	if e.Kind == watch.Listed && g.stage == stageList || e.Kind == watch.Proven && g.stage == stageVerify {
		g.seen.Add(e.N)
	}
}

// Do implements worker.Doer.
func (g *gauge) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch {
	case g.stage == stageFirst:
		defer g.begins.task(t)()
		return g.do.Do(ctx, t)
	case g.stage == stageCopy:
		return g.whole(ctx, t)
	case t.Kind == task.Report: // would wait for the stages that are left out
		t.Waits++
		t.Delay = time.Second
		return []task.Task{t}, nil
	case t.Kind.Stage() != g.stage.tasks(): // a batch is sent while its shard is listed
		return nil, nil
	}
	next, err := g.do.Do(ctx, t)
	if err != nil {
		return nil, err
	}
	kept := next[:0]
	for _, n := range next {
		if n.Kind.Stage() == t.Kind.Stage() && n.Kind != task.Report {
			kept = append(kept, n)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open += len(kept) - 1; g.open == 0 {
		g.result.Measured = g.meter.since(reading{})
		g.over(errMeasured)
	}
	return kept, nil
}

// GiveUp implements worker.Doer. It ends the run: the figures would be wrong.
func (g *gauge) GiveUp(_ context.Context, t task.Task, cause error) ([]task.Task, error) {
	err := fmt.Errorf("a %s task had to be given up: %w", t.Kind, cause)
	g.over(err)
	return nil, err
}

// whole does a task of a run whose stages are all done, and measures its copying.
func (g *gauge) whole(ctx context.Context, t task.Task) ([]task.Task, error) {
	if t.Kind.Stage() != task.Copying {
		return g.do.Do(ctx, t)
	}
	g.mu.Lock()
	if g.copies.at.IsZero() {
		g.copies = g.meter.read()
	}
	g.mu.Unlock()
	next, err := g.do.Do(ctx, t)
	if err != nil {
		return next, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left -= int64(t.Count)
	for _, n := range next {
		g.left += int64(n.Count)
	}
	if g.left == 0 {
		g.result.Measured, g.result.Copying = g.meter.since(reading{}), g.meter.since(g.copies)
	}
	return next, nil
}
