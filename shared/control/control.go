// Package control begins the runs of a deployment and steers those that are not
// over. It does no task: what it begins or sends again, the workers of the queues
// do. Read it in this order:
//
//	start.go      Control.Start begins a run, and refuses what must not run
//	schedule.go   Control.Tick begins the run that a timer is due for
//	exclusive.go  Exclusively keeps two that begin, or keep jobs, apart
//	kept.go       the jobs that the ledger keeps, and those that write beside one
//	sweep.go      Control.Sweep looks at every open run: lost tasks, stalls, ends
//	resend.go     which open tasks are lost, and when they are sent again
//	operator.go   Operator pauses, cancels, seals and cleans
//	followers.go  the jobs that follow events
//	notify.go     Notifier makes tasks of Kodo's notifications
//	rules.go      the rule by which Kodo notifies
//	limits.go     LimitsOf reads what bounds a run
package control

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// Control begins, resumes and sweeps the runs of a deployment. Every field is
// required. It keeps no state of its own and is safe for concurrent use.
type Control struct {
	Ledger   *ledger.Ledger
	Pipeline *pipeline.Pipeline
	Log      *slog.Logger
	// Submit sends tasks to the queues of their stages.
	Submit func(ctx context.Context, tasks ...task.Task) error
	// Depth asks the queue of a stage how much it holds.
	Depth func(ctx context.Context, s task.Stage) (queue.Depth, error)
	// Stalled alerts that a run has made no progress since then.
	Stalled func(ctx context.Context, run string, since time.Time)
}
