// Package giveup ends what is not done: a task that cannot be done, with records that say
// so, and a run that was cancelled, with a report of what is open. It knows tasks, for what
// follows from such a record follows from any other.
//
//	task.go  Ending: what it takes; Task: a task that cannot be done; Insist: one that must be
//	run.go   Run: a run that was cancelled
package giveup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/closing"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/pipeline/uploads"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Ending ends what is not done of one run.
type Ending struct {
	Ledger  *ledger.Run
	Target  store.Writer
	Next    *follow.Run  // makes the tasks that follow
	Closing shard.Config // what a shard is closed by that is not listed to its end
	Books   closing.Books
	Now     func() time.Time
	Log     *slog.Logger
}

// Task creates the record of a task that cannot be done: its batch is written off as
// failed, its shard closed or verified as failed, its piece not looked at. It returns what
// follows from the record that stands by then. What the whole run came to, and its decision
// on deletions, cannot be given up.
func (e Ending) Task(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	switch t.Kind {
	case task.List:
		return e.list(ctx, t, cause)
	case task.Verify:
		v, err := e.Ledger.Shards().CreateVerified(ctx, ledger.Proved{Shard: t.Shard, Failed: cause.Error(), At: e.Now()})
		if err != nil {
			return nil, err
		}
		return e.Next.AfterVerify(ctx, ledger.Closed{}, v), nil
	case task.Reprove:
		v, err := e.Ledger.Pieces().CreateReproved(ctx, ledger.Reproved{Shard: t.Shard, Range: t.Range, Failed: ledger.Reason(cause), At: e.Now().UTC()})
		return e.Next.Tasks.Reprove(v.Next), err
	}
	lost := ledger.WriteOff{Lost: cause.Error(), Cause: ledger.CauseOf(cause)}
	switch t.Kind {
	case task.Copy, task.Delete:
	case task.Event:
		if t.Key != "" {
			lost = ledger.WriteOff{Rows: []ledger.Row{events.Lost(t.Key, e.Now(), cause)}}
		}
	case task.Remove:
		rows, err := e.Ledger.Batches().ReadRows(ctx, t.Batch)
		if err != nil {
			return nil, err
		}
		mirror.Unremoved(rows, e.Now().UTC(), cause)
		lost = ledger.WriteOff{Rows: rows}
	case task.Begin, task.Part, task.Finish:
		uploads.Drop(ctx, e.Ledger, e.Target, t.Batch, e.Log)
	default:
		return nil, fault.New(fault.Invalid, "pipeline.GiveUp", t.Run, fmt.Errorf("no stage does %q tasks", t.Kind))
	}
	w, err := e.Ledger.Batches().CreateWriteOff(ctx, t.Batch, lost)
	if err != nil {
		return nil, err
	}
	return e.Next.AfterWriteOff(ctx, t, w), nil
}

// Insist does a task once more that cannot be given up, by do, and where that fails, too,
// returns it once more, later.
func (e Ending) Insist(ctx context.Context, t task.Task, do func() ([]task.Task, error)) ([]task.Task, error) {
	next, err := do()
	if err == nil || ctx.Err() != nil || fault.KindOf(err) == fault.Newer {
		return next, err
	}
	e.Log.ErrorContext(ctx, "not done, and not given up: it is tried again later", "kind", t.Kind, "fault", fault.KindOf(err), "err", err)
	t.Attempt = 0
	return e.Next.Tasks.Wait(t), nil
}

// list closes the shard that t lists behind what is sealed of it, and what is left of it as
// failed.
func (e Ending) list(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	c, newest, ok, err := shard.CloseEarly(ctx, ledger.ShardRef{Shard: t.Shard, Range: t.Range, Before: t.Before}, e.Closing, cause.Error())
	if err != nil {
		return nil, err
	}
	if ok {
		return e.Next.Tasks.AfterFailedList(t.Shard, c, newest), nil
	}
	c, err = e.Ledger.Shards().CreateListed(ctx, ledger.Closed{Shard: t.Shard, Range: t.Range, Failed: cause.Error(), At: e.Now()})
	return e.Next.Tasks.AfterList(c), err
}
