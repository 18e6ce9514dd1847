package app

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Control returns what begins and steers the deployment's runs.
func (d *Deployment) Control() *control.Control {
	return &control.Control{
		Ledger: d.ledger, Pipeline: d.pipeline, Log: d.log, Submit: d.Worker("").Submit, Stalled: d.Stalled,
		Depth: func(ctx context.Context, s task.Stage) (queue.Depth, error) { return d.queues[s].Depth(ctx) },
	}
}

// Start is control.Control's.
func (d *Deployment) Start(ctx context.Context, j job.Job, keys []string, now time.Time) (string, error) {
	return d.Control().Start(ctx, j, keys, now)
}

// Tick is control.Control's.
func (d *Deployment) Tick(ctx context.Context, name string, at, now time.Time) (string, error) {
	return d.Control().Tick(ctx, name, at, now)
}

// Resume is control.Control's.
func (d *Deployment) Resume(ctx context.Context, name string, now time.Time) (int, error) {
	return d.Control().Resume(ctx, name, now)
}

// Sweep is control.Control's.
func (d *Deployment) Sweep(ctx context.Context, every time.Duration, now time.Time) error {
	return d.Control().Sweep(ctx, every, now)
}

// SweepNow is control.Control's.
func (d *Deployment) SweepNow(ctx context.Context, every time.Duration) error {
	return d.Control().SweepNow(ctx, every)
}

// Operator returns the operator of the deployment's ledger.
func (d *Deployment) Operator() *control.Operator {
	return &control.Operator{Ledger: d.ledger, Pipeline: d.pipeline, Now: time.Now, Wait: control.Wait}
}

// Operate returns the operator of a ledger.
func (c Config) Operate(l *ledger.Ledger, log *slog.Logger) *control.Operator {
	o := &control.Operator{Ledger: l, Now: time.Now, Wait: control.Wait}
	o.Pipeline = pipeline.New(pipeline.Config{
		Ledger: l, Log: log, Now: func() time.Time { return o.Now() },
		Open: func(_ context.Context, j job.Job) (store.Source, pipeline.Target, error) {
			s, err := c.Connect(j)
			return s.Source, s.Target, err
		},
	})
	return o
}
