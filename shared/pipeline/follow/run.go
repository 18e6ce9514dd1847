package follow

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/task"
)

// Run finds out, by the ledger, what follows in a run: whether what a task has just recorded
// was the last that another waits for, the verification of a shard all of whose batches are
// written off, or what ends a run all of whose shards are verified; and what is open. What
// was waited for is yielded once in a run. Where a request fails it is not: what waits looks
// for itself, too, ever more rarely. It is safe for concurrent use.
type Run struct {
	Tasks    Tasks
	Ledger   *ledger.Run
	Sent     sent.Marks
	Deletes  bool // the run's job mirrors deletions
	Verifies bool // the run is a verification of one that is over
	Waited   bool // who has tasks done knows what they wait for: nothing is looked for
	Log      *slog.Logger

	mu   sync.Mutex
	seen map[string]string // by what waits, what it waited for when this process looked last
}

// open returns something that is open of what a task waits for, "" if nothing is, given
// what it returned before.
type open func(ctx context.Context, l *ledger.Run, seen string) (string, error)

// mostSeen bounds what a Run remembers: some 100 bytes each. What is forgotten costs
// a look at everything that is waited for.
const mostSeen = 1000

// look returns something that is open of what the task of that name waits for, "" if nothing is.
func (r *Run) look(ctx context.Context, name string, open open) (string, error) {
	r.mu.Lock()
	seen := r.seen[name]
	r.mu.Unlock()
	seen, err := open(ctx, r.Ledger, seen)
	r.mu.Lock()
	if delete(r.seen, name); err == nil && seen != "" {
		if len(r.seen) >= mostSeen {
			clear(r.seen)
		}
		if r.seen == nil {
			r.seen = map[string]string{}
		}
		r.seen[name] = seen
	}
	r.mu.Unlock()
	return seen, err
}

// last reports whether nothing is open any more that the task of that name waits for, where
// that is to be found out here.
func (r *Run) last(ctx context.Context, name string, open open) bool {
	if r.Waited {
		return false
	}
	seen, err := r.look(ctx, name, open)
	if err == nil && seen == "" {
		if mine, err := r.Sent.Claim(ctx, r.Ledger.Name, "woken-"+name); err == nil {
			return mine
		}
	}
	if err != nil && !ledger.Missing(err) {
		r.Log.DebugContext(ctx, "not known whether it is what was waited for", "waits", name, "fault", fault.KindOf(err), "err", err)
	}
	return false
}

// ReadListed reads the closing of the shard of a Verify, and which of its batches is not written
// off: "" once all are, and then alone the closing counts. Where one process does all tasks,
// which knows when they are, it asks both at once.
func (r *Run) ReadListed(ctx context.Context, t task.Task) (c ledger.Closed, open string, err error) {
	read := func() (ledger.Closed, error) { return r.Ledger.Shards().ReadListed(ctx, t.Shard) }
	if !r.Tasks.Deployed {
		read = readahead.Begin(read)
	}
	open, err = r.look(ctx, r.Tasks.Verify(t.Shard).Chain(), unwritten(t.Shard))
	if !r.Tasks.Deployed || err == nil && open == "" {
		var missing error
		c, missing = read()
		err = cmp.Or(err, missing)
	}
	return c, open, err
}

// ReadVerified reads the verification of the shard of a Verify. NotFound while it is open, and
// unread where one process does all tasks and this is the first delivery: if it is not, the
// record's creation will tell.
func (r *Run) ReadVerified(ctx context.Context, t task.Task) (ledger.Proved, error) {
	if r.isFirst(t) {
		return ledger.Proved{}, fault.New(fault.NotFound, "follow.ReadVerified", t.Shard, nil)
	}
	return r.Ledger.Shards().ReadVerified(ctx, t.Shard)
}

// isFirst reports whether one process does all tasks, and t was neither delivered nor sent before.
func (r *Run) isFirst(t task.Task) bool {
	return !r.Tasks.Deployed && t.Fresh() && t.Resend == 0
}

func unwritten(shard string) open {
	return func(ctx context.Context, l *ledger.Run, seen string) (string, error) {
		return progress.OpenBatch(ctx, l, shard, seen)
	}
}

// Outcome reports whether t's batch, if it has one, is written off, and returns what follows
// from that. Of a first delivery nothing follows: the twin that wrote it off returns it. own says
// that this process wrote the batch lately and has not begun to copy it: where it does all tasks,
// no other has, and nothing is read.
func (r *Run) Outcome(ctx context.Context, t task.Task, own bool) (next []task.Task, ended bool, err error) {
	if t.Batch == "" || own && r.isFirst(t) {
		return nil, false, nil
	}
	switch off, err := r.Ledger.Batches().ReadWriteOff(ctx, t.Batch); {
	case ledger.Missing(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case t.Fresh():
		return nil, true, nil
	default:
		return r.AfterWriteOff(ctx, t, off), true, nil
	}
}

// AfterWriteOff returns what follows from the write-off of t's batch: what takes the
// rest, or what waited for it.
func (r *Run) AfterWriteOff(ctx context.Context, t task.Task, off ledger.WriteOff) []task.Task {
	switch {
	case len(off.Rest) > 0 || r.Tasks.Events:
		return r.Tasks.AfterCopy(t, off)
	case t.Kind == task.Delete:
		return r.End(ctx, task.Report, progress.OpenDeletion)
	}
	verify := r.Tasks.Verify(t.Shard)
	if !r.last(ctx, verify.Chain(), unwritten(t.Shard)) {
		return nil
	}
	return r.Tasks.Resent([]task.Task{verify})
}

// AfterVerify returns what follows from the verification of a closed shard: what was
// sealed again, or what waited for it.
func (r *Run) AfterVerify(ctx context.Context, c ledger.Closed, p ledger.Proved) []task.Task {
	if p.Next != nil {
		return r.Tasks.AfterList(*p.Next)
	}
	end := task.Report
	if r.Deletes {
		end = task.Decide
	}
	return r.End(ctx, end, func(ctx context.Context, l *ledger.Run, seen string) (string, error) {
		if n := len(c.Children); seen == "" && n > 0 {
			seen = c.Children[n-1].Shard // which is seldom verified before its parent
		}
		return progress.OpenShard(ctx, l, seen)
	})
}

// AfterDeleteDecision returns what follows from the run's decision on deletions: a task for
// each batch of candidates, or the report where there is nothing to delete.
func (r *Run) AfterDeleteDecision(ctx context.Context, decision ledger.DeleteDecision) (next []task.Task, err error) {
	if decision.Allowed && decision.Candidates.Objects > 0 {
		p, err := progress.Walk(ctx, r.Ledger)
		if err != nil {
			return nil, err
		}
		next = r.Tasks.Deletes(p, decision)
	}
	if len(next) == 0 {
		next = r.End(ctx, task.Report, func(context.Context, *ledger.Run, string) (string, error) { return "", nil })
	}
	return next, nil
}

// End returns the task of that kind where nothing is open any more that it waits for.
func (r *Run) End(ctx context.Context, kind task.Kind, open open) []task.Task {
	if !r.last(ctx, string(kind), open) {
		return nil
	}
	return r.Tasks.Resent([]task.Task{r.Tasks.Once(kind)})
}
