package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/task"
)

// verifyShard yields itself, for later, until every batch of the shard is written off: whatever
// writes off the last one yields it, too, so that it looks seldom. Then
// it lists both sides again with the rows beside them, and proves each row. What
// changed at the source meanwhile is sealed again, a bounded number of rounds.
func verifyShard(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	c, open, err := r.Next.ReadListed(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(open) > 0 {
		return r.Follow.LookAgain(t, r.Config.MaxWait), nil
	}
	if _, busy := r.Proving.LoadOrStore(t.Shard, true); busy && r.Started.Deployed {
		return r.Follow.LookAgain(t, r.Config.MaxWait), nil
	} else if busy { // one suffices where one process does all tasks: its message stays until it has ended
		return nil, nil
	}
	defer r.Proving.Delete(t.Shard)
	p, err := r.Next.ReadVerified(ctx, t)
	if ledger.Missing(err) {
		if p, err = r.Proof(t, c).Record(ctx, r.Ledger.Results()); err != nil {
			return nil, err
		}
		if p, err = r.Ledger.Shards().CreateVerified(ctx, p); err == nil && p.Failed == "" {
			r.Log.InfoContext(ctx, "shard verified", "shard", p.Shard, "objects", p.Counts.Listed.Objects)
		}
	}
	if err != nil {
		return nil, err
	}
	return r.Next.AfterVerify(ctx, c, p), nil
}

// reprovePiece looks at the rows of a piece of a verification of a run that is over. It covers
// as many as the time at hand allows; the rest becomes another piece.
func reprovePiece(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	pieces := r.Ledger.Pieces()
	if p, err := pieces.ReadReproved(ctx, t.Shard); !ledger.Missing(err) {
		if t.Fresh() {
			return nil, err
		}
		return r.Follow.Reprove(p.Next), err
	}
	piece := r.Piece(t)
	p, err := piece.LookOrCut(ctx, r.Ledger, ledger.ShardRef{Shard: t.Shard, Range: t.Range, Before: t.Before}, r.Started.Deployed)
	if err != nil {
		return nil, err
	}
	if p, err = pieces.CreateReproved(ctx, p); err != nil {
		return nil, err
	}
	r.Log.InfoContext(ctx, "stretch verified again", "shard", p.Shard, "objects", p.Counts.Sampled.Objects, "left", len(p.Next))
	return r.Follow.Reprove(p.Next), nil
}
