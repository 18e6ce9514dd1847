package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// errMeasured ends a run of which only one stage is measured.
var errMeasured = errors.New("the stage is measured")

// benchFerry runs Ferry as `ferry copy` does, and fills r.
//
// Of a whole run, Measured goes from before the first request until the last
// object is written off: connecting, listing, ledger and queue are in it,
// verification is not. Copying begins with the first Copy task, Complete ends
// with the report. Of one stage, Measured ends when nothing of it is left.
func benchFerry(ctx context.Context, spec benchSpec, m *meter, r *benchRun) error {
	j, err := job.New(spec.Source, spec.Target, spec.Ledger, func(j *job.Job) {
		j.Name, j.Limits.Parallel = spec.Job, spec.Parallel
	})
	if err != nil {
		return err
	}
	sites, err := app.Load(os.Getenv).Connect(j)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	g := &gauge{meter: m, run: r, stage: spec.Stage, left: spec.Objects, open: 1, over: stop}
	rep, err := app.Copy(ctx, sites, j, app.Options{Watch: g.watch, Begun: g.begun, Faulty: g.around})
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

// gauge stands around the pipeline and sees where its stages begin and end.
type gauge struct {
	worker.Doer
	meter *meter
	run   *benchRun
	stage benchStage
	over  func(why error)
	seen  atomic.Int64 // objects listed or verified

	mu     sync.Mutex
	copies reading // when the first Copy task began
	left   int64   // objects not written off
	open   int     // tasks of the stage not done
}

func (g *gauge) around(d worker.Doer) worker.Doer {
	g.Doer = d
	return g
}

// begun is told of a run that is gone on with: its closed shards are to be verified.
func (g *gauge) begun(_ string, found *ledger.Progress) {
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

func (g *gauge) watch(e pipeline.Event) {
	if e.Kind == pipeline.Listed && g.stage == stageList || e.Kind == pipeline.Proven && g.stage == stageVerify {
		g.seen.Add(e.N)
	}
}

// Do implements worker.Doer.
func (g *gauge) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch {
	case g.stage == stageCopy:
		return g.whole(ctx, t)
	case t.Kind == task.Report: // it would wait for the stages that are left out
		t.Waits++
		t.Delay = time.Second
		return []task.Task{t}, nil
	}
	next, err := g.Doer.Do(ctx, t)
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
		g.run.Measured = g.meter.since(reading{})
		g.over(errMeasured)
	}
	return kept, nil
}

// GiveUp implements worker.Doer: what is given up cannot be measured.
func (g *gauge) GiveUp(_ context.Context, t task.Task, cause error) ([]task.Task, error) {
	err := fmt.Errorf("a %s task had to be given up: %w", t.Kind, cause)
	g.over(err)
	return nil, err
}

// whole does a task of a run that is copied as a whole.
func (g *gauge) whole(ctx context.Context, t task.Task) ([]task.Task, error) {
	if t.Kind.Stage() != task.Copying {
		return g.Doer.Do(ctx, t)
	}
	g.mu.Lock()
	if g.copies.at.IsZero() {
		g.copies = g.meter.read()
	}
	g.mu.Unlock()
	next, err := g.Doer.Do(ctx, t)
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
		g.run.Measured, g.run.Copying = g.meter.since(reading{}), g.meter.since(g.copies)
	}
	return next, nil
}
