package follow

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/task"
)

// AwaitFew is the longest wait for what is nearly done: few shards are open, or another process
// decides.
const AwaitFew = time.Minute

// awaitListing is the longest wait while all that is listed is verified and something is
// being listed: each look costs a read a shard.
const awaitListing = 5 * time.Minute

// few is how many open shards a run has at its end, or a small run always: to look at them
// each minute is cheap.
const few = 32

// LookAgainFor returns t once more, later, which waits for so many shards, or pieces of a
// verification.
func (f Tasks) LookAgainFor(open int, t task.Task) []task.Task {
	if open > few {
		return f.LookAgain(t, f.Waits.Most)
	}
	return f.LookAgain(t, AwaitFew)
}

// AwaitVerified returns t, which follows when every shard is verified, once more
// while one is not. When few are not, it looks again soon, and yields the
// verification of those of which nothing has been open for a while, each once in a run:
// their own tasks wait for up to MaxWait, and nothing else is left to do meanwhile.
func (r *Run) AwaitVerified(ctx context.Context, t task.Task) ([]task.Task, error) {
	if !r.Tasks.Deployed { // one process knows when to wake its own tasks: to look is cheap
		if open, err := r.look(ctx, string(t.Kind), progress.OpenClosed); err != nil || open == "" {
			return nil, err
		}
		return r.Tasks.LookAgain(t, AwaitFew), nil
	}
	open, err := progress.Unverified(ctx, r.Ledger)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	next := r.Tasks.LookAgainFor(len(open), t)
	if len(open) > few {
		return next, nil
	}
	overdue := func(ctx context.Context, shard string) (task.Task, error) {
		since, copied, err := progress.CopiedSince(ctx, r.Ledger, shard)
		if err != nil || !copied || r.Tasks.Now().Sub(since) < AwaitFew {
			return task.Task{}, err
		}
		mine, err := r.Sent.Claim(ctx, r.Ledger.Name, "overdue-"+shard)
		if err != nil || !mine {
			return task.Task{}, err
		}
		return r.Tasks.Verify(shard), nil
	}
	var due []task.Task
	for verify, err := range readahead.Each(ctx, lookups, readahead.Slice(open), overdue) {
		if err != nil {
			return next, err
		}
		if verify.Kind != "" {
			due = append(due, verify)
		}
	}
	return append(next, r.Tasks.Resent(due)...), nil
}

// AwaitListed returns the progress of a run once it is listed and verified to its end. Until
// then, done is false, and t follows once more, later; of a run that is over nothing does.
func (r *Run) AwaitListed(ctx context.Context, t task.Task) (p progress.Run, done bool, next []task.Task, err error) {
	p, err = progress.Glance(ctx, r.Ledger)
	switch {
	case err != nil || p.Reported:
		return p, false, nil, err
	case !p.Done():
		return p, false, r.Tasks.LookAgain(t, awaitListing), nil
	}
	return p, true, nil, nil
}

// lookups is how many requests about single records are made at a time.
const lookups = 16

// AwaitDeleteDecision returns the run's decision on deletions once it is made, and t once
// more, later, until then. A run whose job does not mirror deletions waits for none.
func (r *Run) AwaitDeleteDecision(ctx context.Context, t task.Task) (decision ledger.DeleteDecision, next []task.Task, err error) {
	if !r.Deletes {
		return decision, nil, nil
	}
	decision, err = mirror.ReadDeleteDecision(ctx, r.Ledger)
	if ledger.Missing(err) {
		return decision, r.Tasks.LookAgain(t, AwaitFew), nil
	}
	return decision, nil, err
}

// Thawing returns t once more, later: all its objects are being restored. A note tells
// that, for the run does not stand still.
func (r *Run) Thawing(ctx context.Context, t task.Task) ([]task.Task, error) {
	if err := progress.WriteThawing(ctx, r.Ledger); err != nil {
		return nil, err
	}
	return r.Tasks.Wait(t), nil
}
