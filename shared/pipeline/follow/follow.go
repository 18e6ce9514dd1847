// Package follow makes the tasks of a run: those that follow from its records, and those
// that are to be done later. A record names all that follows from it, so from it the
// same tasks are made at any time. What a step wrote it turns into the messages that the
// step returns.
//
// The order of records and messages, of which nothing waits for the end of a stage, for each
// record is created before the messages that follow from it:
//
//	rows ─► sealed/S/0 ─► copies of it        a stretch of the shard S, while S is listed
//	rows ─► sealed/S/1 ─► copies of it        behind the copies of the one before
//	  …
//	rows ─► sealed/S/n ─► the last copies, and meanwhile
//	                      closed/S ─► the verification of S, S's children
//	copied/B ─► the rest of B, or, where it is the last of a shard, its verification once
//	              more: the first waits in a queue, and looks ever more rarely
//	verified/S ─► what changed, or, where it is the last of the run, gate.json, which
//	              decides about deletions, or report.json
//
// What closed/S names is what was sealed, in the same order: a List of S that is delivered
// again goes on behind the newest stretch, and one that does not get its record created ends.
//
//	follow.go  Tasks: what follows from a record, and what is open by one
//	event.go   Event: what follows from a notification
//	later.go   the same task once more: what waits, is passed on, or sent again
//	run.go     Run: whether a record was the last that another task waits for
//	await.go   what waits until every shard is verified
//	open.go    what is open of a whole run, and what of it may be lost
package follow

import (
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/waits"
	"kodoferry/shared/task"
)

// Tasks makes the tasks of one run.
type Tasks struct {
	Run      string
	Events   bool         // the run is one of events
	Deployed bool         // its tasks go into queues that processes share
	Waits    waits.Policy // how long they wait
	Now      func() time.Time
}

// List returns the task that lists a shard.
func (f Tasks) List(s ledger.ShardRef) task.Task {
	return task.Task{Kind: task.List, Run: f.Run, Shard: s.Shard, Range: s.Range, Before: s.Before}
}

// Verify returns the task that verifies a shard.
func (f Tasks) Verify(shard string) task.Task {
	return task.Task{Kind: task.Verify, Run: f.Run, Shard: shard}
}

// Reprove returns a task for each of some pieces of a verification.
func (f Tasks) Reprove(pieces []ledger.ShardRef) (tasks []task.Task) {
	for _, s := range pieces {
		tasks = append(tasks, task.Task{Kind: task.Reprove, Run: f.Run, Shard: s.Shard, Range: s.Range, Before: s.Before})
	}
	return tasks
}

// First returns the tasks that the run of that name begins with.
func First(run string, root ledger.ShardRef, deletes bool) []task.Task {
	f := Tasks{Run: run}
	first := []task.Task{f.List(root), f.Once(task.Report)}
	if deletes {
		first = append(first, f.Once(task.Decide))
	}
	return first
}

// Once returns a task of that kind, of which a run needs one.
func (f Tasks) Once(k task.Kind) task.Task { return task.Task{Kind: k, Run: f.Run} }

// maxNamed is the most bytes of a key that a task names for logs alone.
const maxNamed = 256

// Copy returns the task that does a batch: it copies it, unless the batch is one of an
// object in parts, of an event, or of what is to be removed first.
func (f Tasks) Copy(shard string, b ledger.BatchRef) task.Task {
	kind := task.Copy
	switch {
	case b.Remove:
		kind = task.Remove
	case b.Parts:
		kind = task.Begin
	case f.Events:
		kind = task.Event
	}
	return task.Task{
		Kind: kind, Run: f.Run, Shard: shard, Batch: b.ID, Count: b.Pending, Bytes: b.Bytes,
		First: fault.Brief(b.First, maxNamed), Last: fault.Brief(b.Last, maxNamed),
	}
}

// inARow is how many requests a second OSS bears for keys in a row (OSS,
// "Performance and scalability best practices").
const inARow = 2000

// AfterList returns what follows from a closed shard: first the rest of the
// listing, so that it goes on while batches are copied. In queues that processes share
// the messages of a shard come at the pace that OSS bears for neighbouring keys, with
// those of distant shards in between.
func (f Tasks) AfterList(c ledger.Closed) []task.Task {
	var next []task.Task
	for _, child := range c.Children {
		next = append(next, f.List(child))
	}
	next = append(next, f.Copies(c.Shard, c.Batches)...)
	if c.Shard != "" { // a record that could not be read names none
		next = append(next, f.Verify(c.Shard))
	}
	return next
}

// AfterFailedList returns what follows from a shard that was closed where it could not be
// listed any further: what is left of it is closed, too, and has to be verified. newest are
// batches whose copies may not have been sent.
func (f Tasks) AfterFailedList(shard string, c ledger.Closed, newest []ledger.BatchRef) []task.Task {
	next := f.AfterList(c)
	for i := range next {
		if next[i].Kind == task.List {
			next[i] = f.Verify(next[i].Shard)
		}
	}
	return append(next, f.Resent(f.Copies(shard, newest))...)
}

// Copies returns a task for each batch of a shard that has anything to copy.
func (f Tasks) Copies(shard string, batches []ledger.BatchRef) (next []task.Task) {
	ahead := 0
	for _, b := range batches {
		if b.Pending > 0 {
			t := f.Copy(shard, b)
			if f.Deployed {
				t.Delay = time.Duration(ahead) * time.Second / inARow
			}
			next = append(next, t)
			ahead += b.Pending
		}
	}
	return next
}

// AfterCopy returns what follows from a write-off: what takes the rest, after
// what is left of the pause that the record names. A task that removes does not
// wait: the sooner the better.
func (f Tasks) AfterCopy(t task.Task, w ledger.WriteOff) []task.Task {
	pause := time.Duration(0)
	if !w.Until.IsZero() {
		pause = max(0, w.Until.Sub(f.Now()))
	}
	var next []task.Task
	for _, b := range w.Rest {
		again := f.Copy(t.Shard, b)
		if t.Kind == task.Delete {
			again.Kind = task.Delete
		}
		if again.Kind != task.Remove {
			again.Delay, again.Since = pause, w.Since
		}
		next = append(next, again)
	}
	return next
}

// Deletes returns a task for each batch of candidates that is not written off, of a run
// whose progress is p, where its decision allows that. maxDeletes bounds how many there are.
func (f Tasks) Deletes(p progress.Run, decision ledger.DeleteDecision) []task.Task {
	var next []task.Task
	if !decision.Allowed {
		return nil
	}
	for _, s := range p.Shards {
		for _, b := range s.Extra {
			t := f.Copy(s.Ref.Shard, b)
			t.Kind = task.Delete
			next = append(next, t)
		}
	}
	return next
}

// Open returns the open tasks of a shard; its verification is the last.
func (f Tasks) Open(s progress.Shard) []task.Task {
	switch {
	case s.Closed == nil:
		return []task.Task{f.List(s.Ref)}
	case s.Done():
		return nil
	}
	var open []task.Task
	for _, b := range s.Open {
		open = append(open, f.Copy(s.Ref.Shard, b))
	}
	return append(open, f.Verify(s.Ref.Shard))
}

// Parts returns a Part task for each range of parts of the upload that t is for.
func (f Tasks) Parts(t task.Task, ranges []upload.PartRange) []task.Task {
	var next []task.Task
	for _, p := range ranges {
		part := f.OfUpload(task.Part, t)
		part.From, part.To = p.From, p.To
		next = append(next, part)
	}
	return next
}

// OfUpload returns another task for the upload that t is for. It is sent again
// if t is: one with the body of the first might be taken for that, which was
// done as far as it had failed or waited.
func (f Tasks) OfUpload(kind task.Kind, t task.Task) task.Task {
	return task.Task{Kind: kind, Run: f.Run, Shard: t.Shard, Batch: t.Batch, Resend: t.Resend}
}
