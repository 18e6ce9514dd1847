package pipeline

import (
	"context"
	"errors"
	"iter"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/shard"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// list lists a shard, unless another delivery of t does, and closes it. While it is listed
// the copies of what is sealed of it are sent already.
func (r *run) list(ctx context.Context, t task.Task) ([]task.Task, error) {
	s := shard.New(ledger.ShardRef{Shard: t.Shard, Range: t.Range, Before: t.Before}, listingOf(r, t))
	if !t.Fresh() || t.Resend != 0 { // else nothing is there, and if it is, sealing will tell
		if c, err := r.ledger.Shards().ReadListed(ctx, t.Shard); !ledger.Missing(err) {
			if t.Fresh() {
				return nil, err
			}
			return r.follow.AfterList(c), err
		}
		if err := s.Resume(ctx, t.Resent()); err != nil {
			return nil, err
		}
	}
	if !s.Ended() {
		recalled, err := recall(ctx, r)
		if err != nil {
			return nil, err
		}
		defer recalled()
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
	return r.follow.AfterList(c), nil
}

// listingOf returns what the shard of t is listed by.
func listingOf(r *run, t task.Task) shard.Config {
	c := closingOf(r)
	c.Chain, c.Named = r.start.Chain, len(r.start.Keys) > 0
	c.Source, c.Memory, c.Asker, c.Batches = r.src, r.memory, r.asker(t), batchingOf(r)
	c.Both = func(ctx context.Context, before string, in store.Range) iter.Seq2[listing.Pair, error] {
		return bothSides(ctx, r, t.Shard, before, in)
	}
	if r.config.Send != nil {
		c.Send = func(ctx context.Context, batches []ledger.BatchRef, again bool) error {
			copies := r.follow.Copies(t.Shard, batches)
			if again {
				copies = r.follow.Resent(copies)
			}
			return r.config.Send(ctx, copies...)
		}
	}
	return c
}

// closingOf returns what a shard is closed by that is not listed to its end.
func closingOf(r *run) shard.Config {
	return shard.Config{Ledger: r.ledger, Job: r.job, Now: r.config.Now, Log: r.log}
}

// bothSides lists both sides of a range of a shard, the source from landmarks where it is a
// chain. What was listed of the first shard before the run began is not listed again.
func bothSides(ctx context.Context, r *run, name, before string, in store.Range) iter.Seq2[listing.Pair, error] {
	src, dst := listing.From(ctx, listing.Landed(r.src, before), in), listing.From(ctx, r.dst, in)
	if name == ledger.RootShard {
		if a := r.ahead(); a != nil {
			src, dst = a.Source.Lister(in, src), a.Target.Lister(in, dst)
		}
	}
	return listing.Join(src, dst, r.job.Delete)
}

// recall waits until few enough shards are listed beside rows of earlier runs, where there
// are any. The listing calls done when it is over. The error is the end of ctx.
func recall(ctx context.Context, r *run) (done func(), err error) {
	if len(r.start.Last) == 0 {
		return func() {}, nil
	}
	select {
	case r.recalling <- struct{}{}:
		return func() { <-r.recalling }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// asker asks the target about single keys on the way of the walk of t.
func (r *run) asker(t task.Task) *verdict.Asker {
	probe := func(ctx context.Context, key string) error { return r.prober.Probe(ctx, outage.Target, false, key) }
	return &verdict.Asker{Rules: &r.rules, Probe: probe, Retried: t.Attempt > 0, Log: r.log}
}

// batchingOf returns what rows are gathered into batches by.
func batchingOf(r *run) batching.Config {
	return batching.Config{
		Rules: &r.rules, Target: r.dst, Write: r.ledger.Batches().WriteRows, Beside: r.gathering,
		Pace: func(ctx context.Context) live.Pace {
			p, err := r.pace.Of(ctx, r.ledger, r.start.Deployed)
			if err != nil { // p is assumed, which suffices
				r.log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err)
			}
			return p
		},
		Written: func(rows []ledger.Row) {
			r.config.Watch(Progress{Kind: Listed, N: int64(len(rows)), Bytes: batching.Sizes(rows)})
			for _, row := range rows {
				if row.State != ledger.Pending {
					r.config.Watch(Progress{Kind: Settled, Key: row.Key(), Row: row})
				}
			}
		},
	}
}
