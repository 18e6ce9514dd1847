// Package worker holds the rules of delivery in one place: what becomes of a
// message once its task was done, failed, or could not be read. Process does
// one message; Poll is the agent that serves a queue with it.
package worker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// Doer does tasks and gives them up: the pipeline.
type Doer interface {
	Do(ctx context.Context, t task.Task) ([]task.Task, error)
	GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error)
}

// Marks remembers which bodies have been done and what follows from them sent.
type Marks interface {
	Marked(ctx context.Context, run, name string) (bool, error)
	Mark(ctx context.Context, run, name string) error
}

// Chains remember which chain of a task's messages is the newest, where tasks
// are sent again from a ledger.
type Chains interface {
	// Waits takes in that a task which waits was received with that Resend, and
	// reports whether it has been sent again since.
	Waits(ctx context.Context, run, chain string, resend int64) (newer bool, err error)
}

// Worker does messages. All fields but Marks, Chains and Halt are required.
type Worker struct {
	Doer
	Send     map[task.Stage]queue.Sender
	Marks    Marks      // nil for a queue of this process alone, which never delivers twice
	Chains   Chains     // nil where no task is sent again from the ledger
	Stage    task.Stage // the only stage whose tasks are done here; "" does all
	Log      *slog.Logger
	Attempts int           // tries per task, >= 1
	Pause    time.Duration // before the second try, doubling after
	// Halt is asked before a task is tried again because it was Denied or
	// failed, or left to a newer version; true leaves the message as it is. A process with a person in
	// front of it stops then, rather than wait or give up. May be nil.
	Halt func(t task.Task, err error) bool
}

// maxPause is the longest a failed task waits before it is tried again.
const maxPause = 15 * time.Minute

// Process does the task in m. A nil error means the message is dealt with and
// may be deleted; an error means it must be delivered again.
func (w *Worker) Process(ctx context.Context, m queue.Message) error {
	t, err := task.Decode(m.Body)
	switch {
	case fault.KindOf(err) == fault.Newer:
		w.Log.WarnContext(ctx, "task of a newer version left in the queue", "fault", fault.Newer, "err", err)
		return err
	case err != nil:
		w.Log.ErrorContext(ctx, "message dropped: it is no task of ours; look who else sends to this queue", "message", m.ID, "fault", fault.KindOf(err), "err", err, "body", clip(m.Body))
		return nil
	}
	if w.Stage != "" && t.Kind.Stage() != w.Stage {
		return w.refer(ctx, t)
	}
	t.Deliveries = m.Deliveries
	name := task.Name(m.Body)
	if done, err := w.marked(ctx, t, name); err != nil || done {
		return err
	}
	log := w.Log.With("run", t.Run, "kind", t.Kind, "shard", t.Shard, "attempt", t.Attempt)
	begun := time.Now()
	next, err := w.Do(ctx, t)
	switch {
	case err == nil:
		log.DebugContext(ctx, "task done", "next", len(next), "took", time.Since(begun))
	case ctx.Err() != nil, fault.KindOf(err) == fault.Later:
		return err // out of time, not out of luck: deliver again
	case w.Halt != nil && w.Halt(t, err):
		return err
	case fault.KindOf(err) == fault.Newer:
		return err // for a process that can read it
	default:
		if next, err = w.again(ctx, log, t, err); err != nil {
			return err
		}
	}
	countPassed(ctx, t, next)
	for _, n := range next {
		if body, err := task.Encode(n); err == nil && bytes.Equal(body, m.Body) {
			// A task that follows from itself unchanged would be dropped as done.
			stuck := fault.New(fault.Invalid, "worker.Process", name, fmt.Errorf("a %s task made no progress", t.Kind))
			if next, err = w.GiveUp(ctx, t, stuck); err != nil {
				return err
			}
			break
		}
	}
	if next, err = w.latest(ctx, t, next); err != nil {
		return err
	}
	// Record, send, mark, let go of the message: a crash in between repeats
	// the task, never loses it.
	if err := w.Submit(ctx, next...); err != nil {
		return err
	}
	return w.mark(ctx, t, next, name)
}

// latest drops next where it is t once more and t has been sent again meanwhile:
// the newer chain waits in its place, or both would wait for ever.
func (w *Worker) latest(ctx context.Context, t task.Task, next []task.Task) ([]task.Task, error) {
	chain := t.Chain()
	if w.Chains == nil || chain == "" || len(next) != 1 || !next[0].Continues(t) {
		return next, nil
	}
	newer, err := w.Chains.Waits(ctx, t.Run, chain, t.Sending())
	if newer {
		w.Log.DebugContext(ctx, "task not waited for: it has been sent again since", "run", t.Run, "kind", t.Kind, "shard", t.Shard)
		return nil, nil
	}
	return next, err
}

// refer sends a task that belongs to another stage where it belongs. It spends
// a try, so that two queues that stand for one another do not play with it for
// ever.
func (w *Worker) refer(ctx context.Context, t task.Task) error {
	log := w.Log.With("run", t.Run, "kind", t.Kind, "shard", t.Shard, "attempt", t.Attempt)
	stray := fault.New(fault.Invalid, "worker.Process", t.Run, fmt.Errorf("a task of the %s stage came to the %s stage: check which queue triggers which function", t.Kind.Stage(), w.Stage))
	if t.Attempt+1 >= w.Attempts {
		next, err := w.GiveUp(ctx, t, stray)
		if err != nil {
			return err
		}
		return w.Submit(ctx, next...)
	}
	log.ErrorContext(ctx, "task sent on to the queue of its stage", "fault", fault.Invalid, "err", stray)
	t.Delay = w.pause(t.Attempt)
	t.Attempt++
	return w.Submit(ctx, t)
}

// Bury gives up the task in m, a message that its queue has laid aside because
// it was delivered too often. What is no task is dropped with a line in the
// log; one of a newer version stays for a process that can read it (Newer).
func (w *Worker) Bury(ctx context.Context, m queue.Message) error {
	t, err := task.Decode(m.Body)
	switch {
	case fault.KindOf(err) == fault.Newer:
		w.Log.WarnContext(ctx, "dead task of a newer version left in the queue", "message", m.ID, "fault", fault.Newer, "err", err)
		return err
	case err != nil:
		w.Log.ErrorContext(ctx, "dead message dropped: it is no task of ours", "message", m.ID, "fault", fault.KindOf(err), "err", err, "body", clip(m.Body))
		return nil
	}
	next, err := w.GiveUp(ctx, t, fault.New(fault.Unknown, "worker.Bury", t.Run, fmt.Errorf("its message was delivered too often without an outcome: the function's log of that time says why")))
	if err != nil {
		return err
	}
	return w.Submit(ctx, next...)
}

// again decides what becomes of a failed task: the same one later, or an outcome.
func (w *Worker) again(ctx context.Context, log *slog.Logger, t task.Task, err error) ([]task.Task, error) {
	kind := fault.KindOf(err)
	switch {
	case kind == fault.Throttled: // waiting spends no try
		t.Delay = max(fault.WaitOf(err), w.pause(t.Waits))
		t.Waits++
	case kind != fault.Invalid && t.Attempt+1 < w.Attempts:
		t.Delay = w.pause(t.Attempt)
		t.Attempt++
	default:
		return w.GiveUp(ctx, t, err)
	}
	log.WarnContext(ctx, "task failed, will be tried again", "fault", kind, "err", err, "wait", t.Delay)
	return []task.Task{t}, nil
}

// pause is Pause, doubled n times, at most 15 minutes, give or take a quarter.
func (w *Worker) pause(n int) time.Duration {
	return growing(w.Pause, maxPause, n)
}

// Submit sends each task to the queue of its stage.
func (w *Worker) Submit(ctx context.Context, tasks ...task.Task) error {
	out := map[task.Stage][]queue.Outgoing{}
	for _, t := range tasks {
		body, err := task.Encode(t)
		if err != nil {
			return err
		}
		s := t.Kind.Stage()
		out[s] = append(out[s], queue.Outgoing{Body: body, Delay: t.Delay})
	}
	for _, s := range task.Stages {
		if len(out[s]) == 0 {
			continue
		}
		to, ok := w.Send[s]
		if !ok {
			return fault.New(fault.Invalid, "worker.Submit", string(s), fmt.Errorf("no queue for the %s stage", s))
		}
		if err := to.Send(ctx, out[s]...); err != nil {
			return err
		}
	}
	return nil
}

// A copy leaves a record of what follows from it and is not marked, and so does
// an event, unless it has waited or was passed on: that leaves none, and twins that
// each send themselves again would multiply. Everything else that yields more than one
// task, or itself, is marked.
func unmarked(t task.Task) bool {
	return (t.Kind == task.Copy || t.Kind == task.Event) && t.Waits == 0 && t.Passed == 0
}

func (w *Worker) marked(ctx context.Context, t task.Task, name string) (bool, error) {
	if w.Marks == nil || unmarked(t) {
		return false, nil
	}
	return w.Marks.Marked(ctx, t.Run, name)
}

func (w *Worker) mark(ctx context.Context, t task.Task, next []task.Task, name string) error {
	if w.Marks == nil || unmarked(t) || len(next) == 0 {
		return nil
	}
	return w.Marks.Mark(ctx, t.Run, name)
}

func clip(body []byte) string {
	const most = 200
	if len(body) > most {
		return string(body[:most]) + "…"
	}
	return string(body)
}
