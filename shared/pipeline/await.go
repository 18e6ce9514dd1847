package pipeline

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/random"
	"kodoferry/shared/task"
)

const (
	// awaitFirst is which part of Pause a task that waits for others waits at
	// first: what a small run does is done within seconds.
	awaitFirst = 6
	// few is how many open shards a run has at its end, or a small run always:
	// to look at them each awaitFew is cheap.
	few      = 32
	awaitFew = time.Minute
	// awaitListing is the longest wait while all that is listed is verified and
	// something is being listed: each look costs a read a shard.
	awaitListing = 5 * time.Minute
)

// lookAgain returns t once more, later, for what others do may be done by then.
// Waits double up to most and are jittered by a quarter, so that twins separate.
func (r *run) lookAgain(t task.Task, most time.Duration) []task.Task {
	t.Delay = random.Jitter(min(r.config.Pause/awaitFirst<<min(t.Waits, 16), most, r.config.MaxWait))
	t.Waits++
	return []task.Task{t}
}

// waiting returns t, which follows when every shard is verified, once more
// while one is not. When few are not, it looks again soon, and yields the
// verification of those of which nothing has been open for a while: their own
// tasks wait for up to MaxWait, and nothing else is left to do meanwhile.
func (r *run) waiting(ctx context.Context, t task.Task) ([]task.Task, error) {
	open, err := r.ledger.Unverified(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	if len(open) > few {
		return r.lookAgain(t, r.config.MaxWait), nil
	}
	next := r.lookAgain(t, awaitFew)
	if !r.start.Deployed { // one process knows when to wake its own tasks
		return next, nil
	}
	due, err := r.overdue(ctx, open)
	return append(next, due...), err
}

// overdue returns the verifications of those of some shards of which nothing
// has been open for awaitFew, each of them once in a run.
func (r *run) overdue(ctx context.Context, shards []string) ([]task.Task, error) {
	is := make([]bool, len(shards))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, shard := range shards {
		g.Go(func() error {
			since, copied, err := r.ledger.CopiedSince(ctx, shard)
			if err != nil || !copied || r.config.Now().Sub(since) < awaitFew {
				return err
			}
			is[i], err = r.config.Ledger.Claim(ctx, r.ledger.Name, "overdue-"+shard)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var due []task.Task
	for i, shard := range shards {
		if is[i] {
			due = append(due, r.verifyTask(shard))
		}
	}
	return resent(due, r.config.Now()), nil
}
