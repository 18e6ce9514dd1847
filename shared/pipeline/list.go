package pipeline

import (
	"context"
	"errors"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/runs"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/task"
)

// listShard lists a shard, unless another delivery of t does, and closes it. While it is listed
// the copies of what is sealed of it are sent already.
func listShard(ctx context.Context, r *runs.Run, t task.Task) ([]task.Task, error) {
	how := r.Listing(t)
	idle, done := r.Lists()
	defer done()
	how.Idle = idle
	s := shard.New(ledger.ShardRef{Shard: t.Shard, Range: t.Range, Before: t.Before}, how)
	if !t.Fresh() || t.Resend != 0 { // else nothing is there, and if it is, sealing will tell
		if c, err := r.Ledger.Shards().ReadListed(ctx, t.Shard); !ledger.Missing(err) {
			if t.Fresh() {
				return nil, err
			}
			return r.Follow.AfterList(c), err
		}
		if err := s.Resume(ctx, t.Resent()); err != nil {
			return nil, err
		}
	}
	if !s.Ended() {
		if err := s.List(ctx); err != nil {
			if errors.Is(err, shard.ErrTwin) && t.Fresh() { // which yields what follows
				err = nil
			}
			return nil, err
		}
	}
	c, own, err := s.Close(ctx)
	if err != nil || !own && t.Fresh() { // its twin yields what follows
		return nil, err
	}
	return r.Follow.AfterList(c), nil
}
