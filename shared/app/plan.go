package app

import (
	"context"

	"kodoferry/shared/check"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/plan"
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
	return plan.Make(ctx, plan.Sides{Source: s.Source, Target: s.Target, Listed: watch}, j, keys...)
}

// QuickPlan estimates in under a minute what a run of j would do. watch is as of Plan.
func QuickPlan(ctx context.Context, s Sites, j job.Job, watch func(objects, bytes int64)) (plan.Plan, error) {
	return plan.Quick(ctx, plan.Sides{Source: s.Source, Target: s.Target, Listed: watch}, j)
}
