package app

import (
	"context"
	"fmt"

	"kodoferry/shared/agent"
	"kodoferry/shared/check"
	"kodoferry/shared/fault"
	"kodoferry/shared/task"
)

// Agent returns what does the deployment's tasks in a process of its own.
func (d *Deployment) Agent() *agent.Agent {
	return &agent.Agent{Ledger: d.ledger, Queues: d.inbox, Worker: d.Worker, Sweep: d.SweepNow, Leave: d.pipeline.Leave, Log: d.log}
}

// Serve is agent.Agent's.
func (d *Deployment) Serve(ctx context.Context, o agent.Options) { d.Agent().Serve(ctx, o) }

// Pull is agent.Agent's.
func (d *Deployment) Pull(ctx context.Context, most int, stages ...task.Stage) (done int, err error) {
	return d.Agent().Pull(ctx, most, stages...)
}

// Ready asks the ledger and the queues of stages, all at once, and returns
// everything that is wrong.
func (d *Deployment) Ready(ctx context.Context, stages ...task.Stage) error {
	checks := []func(context.Context) error{d.ledger.Check}
	for _, s := range stages {
		q, ok := d.queues[s]
		if !ok {
			return fault.New(fault.Invalid, "app.Ready", string(s), fmt.Errorf("there is no stage %q", s))
		}
		checks = append(checks, q.Check)
		if s == task.Verifying {
			checks = append(checks, d.dead.Check)
		}
	}
	return check.All(ctx, checks)
}
