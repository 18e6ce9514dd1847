package app

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/pipeline"
)

// CheckEnds asks source and target whether they can be read, and leaves the
// ledger alone: a plan has none.
func (s Sites) CheckEnds(ctx context.Context) error {
	return all(ctx, []func(context.Context) error{s.Source.Check, s.Target.Check})
}

// Plan says what a run of j would do, with the keys that it lists, if it does. It writes nothing. Where ctx ends early
// it returns what was found until then, with the error.
func Plan(ctx context.Context, s Sites, j job.Job, keys []string, watch func(pipeline.Event)) (pipeline.Plan, error) {
	if err := listed(j, keys); err != nil {
		return pipeline.Plan{}, err
	}
	return planner(s, watch).Plan(ctx, j, keys...)
}

// QuickPlan guesses in under a minute what a run of j would do. It writes nothing.
func QuickPlan(ctx context.Context, s Sites, j job.Job, watch func(pipeline.Event)) (pipeline.Plan, error) {
	return planner(s, watch).QuickPlan(ctx, j)
}

// planner is a pipeline that has no ledger, so that it cannot write one.
func planner(s Sites, watch func(pipeline.Event)) *pipeline.Pipeline {
	return pipeline.New(pipeline.Config{
		Log: slog.New(slog.DiscardHandler), Watch: watch, Now: time.Now,
		Open: func(context.Context, job.Job) (pipeline.Source, pipeline.Target, error) {
			return s.Source, s.Target, nil
		},
	})
}
