package app

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/alert/alerting"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Ports are what a deployment works with where no environment names them: any
// ledger, queues and buckets that keep their contracts.
type Ports struct {
	Ledger *ledger.Ledger
	Queues map[task.Stage]queue.Queue // one for each of task.Stages
	Dead   queue.Queue
	Open   func(ctx context.Context, j job.Job) (store.Source, pipeline.Target, error)
}

// DeployOn returns the deployment that works with p. Each set changes how this
// process does its tasks. It makes no request, and Check is not for it.
func DeployOn(p Ports, log *slog.Logger, set ...func(*pipeline.Config)) *Deployment {
	d := &Deployment{ledger: p.Ledger, queues: map[task.Stage]stageQueue{}, dead: portQueue{p.Dead, deadQueue}, log: log}
	for s, q := range p.Queues {
		d.queues[s] = portQueue{q, string(s)}
	}
	d.assemble(pipeline.Config{Ledger: d.ledger, Log: log, Open: p.Open, Shared: true}, set)
	return d
}

// assemble makes the deployment's pipeline, what alerts of it, and the inbox of its
// queues.
func (d *Deployment) assemble(how pipeline.Config, set []func(*pipeline.Config)) {
	how.Send = func(ctx context.Context, tasks ...task.Task) error { return d.Worker("").Submit(ctx, tasks...) }
	for _, change := range set {
		change(&how)
	}
	d.pipeline = pipeline.New(how)
	d.doer = alerting.New(d.pipeline, d.ledger, d.config.getenv, d.log, time.Now)
	d.inbox = &agent.Queues{Stages: map[task.Stage]agent.Queue{}, Dead: d.dead}
	for s, q := range d.queues {
		d.inbox.Stages[s] = q
	}
}

// portQueue is a queue that has a name and no connections of its own.
type portQueue struct {
	queue.Queue
	name string
}

func (q portQueue) Name() string              { return q.name }
func (portQueue) Check(context.Context) error { return nil }
func (portQueue) CloseIdle()                  {}
func (portQueue) Close(context.Context)       {}
