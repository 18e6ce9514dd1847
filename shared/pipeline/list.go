package pipeline

import (
	"context"
	"iter"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// list walks source and target side by side over t.Range and seals what it
// finds into batches. It covers as much as one shard may hold, or half of the
// time at hand allows; the rest becomes its children, which are listed side by side.
func (r *run) list(ctx context.Context, t task.Task) ([]task.Task, error) {
	if c, err := r.ledger.Closed(ctx, t.Shard); !ledger.Missing(err) {
		if first(t) {
			return nil, err
		}
		return r.afterList(c), err
	}
	c := ledger.Closed{Shard: t.Shard, Range: t.Range, Before: t.Before}
	s := newSealer(ctx, r, t.Shard)
	defer s.stop()
	last, more, mayEnd := "", false, false
	var dense listing.Density
	looking, enough := deadline.Reserve(ctx)
	defer enough()
	rest := half(ctx)
	for j, err := range verdict.Judge(ctx, r.asker(t), r.join(looking, t.Range, t.Before)) {
		if err != nil && mayEnd && listing.IsBorder(last) && looking.Err() != nil && ctx.Err() == nil {
			more = true // a page that did not come in time: what came before it stands
			break
		}
		if err != nil {
			return nil, err
		}
		if mayEnd && (dense.Seen >= r.job.Limits.ShardKeys || s.weight >= r.job.Limits.ShardBytes || deadline.Near(ctx, rest)) && listing.IsBorder(last) {
			more = true
			break
		}
		if err := s.take(j); err != nil {
			return nil, err
		}
		last = j.Key()
		mayEnd = j.Src != nil || !r.start.Chain // a chain goes on from a key that the source has
		dense.Add(last)
	}
	var err error
	if c.Batches, c.Counts, err = s.finish(); err != nil {
		return nil, err
	}
	if r.job.Delete {
		c.Deletes, c.Others, c.Held = s.deletes, s.others, s.held
	}
	if more {
		c.Range.UpTo = last
		left := store.Range{Prefix: t.Range.Prefix, After: last, UpTo: t.Range.UpTo}
		before := "" // of a chain: keys of the source before last
		if r.start.Chain {
			keys := append(dense.Marks(), c.Range.After)
			for _, b := range c.Batches {
				keys = append(keys, b.First)
			}
			before = listing.Landmarks(c.Before, last, keys...)
		}
		c.Children = r.children(looking, left, dense, c.Batches)
		for i := range c.Children {
			if c.Children[i].Before = before; r.start.Chain { // the borders before it, too
				before = listing.AddLandmark(before, c.Children[i].Range.After)
			}
		}
	}
	c.At = r.config.Now().UTC()
	if c, err = r.ledger.Close(ctx, c); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "shard closed", "shard", c.Shard, "objects", c.Counts.Listed.Objects, "batches", len(c.Batches), "children", len(c.Children))
	return r.afterList(c), nil
}

// half of the time at hand goes to the listing of a shard at most: its
// verification lists the same again, and cannot leave a part of it to another.
func half(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(0, (time.Until(end)-deadline.Margin)/2)
}

// asker asks the target about single keys on the way of the walk of t.
func (r *run) asker(t task.Task) *verdict.Asker {
	probe := func(ctx context.Context, key string) error { return r.prober.Probe(ctx, outage.Target, false, key) }
	return &verdict.Asker{Rules: &r.rules, Probe: probe, Retried: t.Attempt > 0, Log: r.log}
}

// join walks both sides over a range. Where deletions are mirrored, what only
// the target has is looked at, too.
func (r *run) join(ctx context.Context, in store.Range, before string) iter.Seq2[listing.Pair, error] {
	return listing.Join(listing.From(ctx, r.srcFrom(before), in), listing.From(ctx, r.dst, in), r.job.Delete)
}

// srcFrom is the source, to be listed from one of some landmarks where a start key is
// gone.
func (r *run) srcFrom(landmarks string) store.Source {
	if a, ok := r.src.(listing.Anchored); ok {
		a.Landmarks = landmarks
		return a
	}
	return r.src
}

// children names the ranges of what a shard left.
func (r *run) children(ctx context.Context, left store.Range, d listing.Density, batches []ledger.BatchRef) []ledger.ShardRef {
	rest := listing.Rest{Range: left, Full: r.job.Limits.ShardKeys, Chain: r.start.Chain}
	rest.From, rest.Keys = d.Sample()
	for _, b := range batches {
		rest.Known = append(rest.Known, b.First, b.Last)
	}
	var children []ledger.ShardRef
	for _, part := range listing.Split(ctx, r.src, rest, r.job.Limits.Fanout) {
		children = append(children, ledger.ShardRef{Shard: ledger.Nonce(), Range: part})
	}
	return children
}

// maxNamed is the most bytes of a key that a task names for logs alone.
const maxNamed = 256

// afterList returns what follows from a closed shard: first the rest of the
// listing, so that it goes on while batches are copied.
func (r *run) afterList(c ledger.Closed) []task.Task {
	var next []task.Task
	for _, child := range c.Children {
		next = append(next, r.listTask(child))
	}
	sent := 0
	for _, b := range c.Batches {
		if b.Pending > 0 {
			t := r.copyTask(c.Shard, b)
			t.Delay = r.spread(sent)
			next = append(next, t)
			sent += b.Pending
		}
	}
	if c.Shard != "" { // a record that could not be read names none
		next = append(next, r.verifyTask(c.Shard))
	}
	return next
}

// inARow is how many requests a second OSS bears for keys in a row (OSS,
// "Performance and scalability best practices").
const inARow = 2000

// spread is how long the message of a batch is held back of which n objects of
// the same shard go ahead: in a queue that others share, a shard's messages
// come at the pace that OSS bears for neighbouring keys, with those of distant
// shards in between.
func (r *run) spread(n int) time.Duration {
	if !r.start.Deployed {
		return 0
	}
	return time.Duration(n) * time.Second / inARow
}

func (r *run) listTask(s ledger.ShardRef) task.Task {
	return task.Task{Kind: task.List, Run: r.ledger.Name, Shard: s.Shard, Range: s.Range, Before: s.Before}
}

func (r *run) copyTask(shard string, b ledger.BatchRef) task.Task {
	kind := task.Copy
	switch {
	case b.Remove:
		kind = task.Remove
	case b.Parts:
		kind = task.Begin
	case r.start.Events:
		kind = task.Event
	}
	return task.Task{Kind: kind, Run: r.ledger.Name, Shard: shard, Batch: b.ID, First: fault.Brief(b.First, maxNamed), Last: fault.Brief(b.Last, maxNamed), Count: b.Pending, Bytes: b.Bytes}
}

func (r *run) verifyTask(shard string) task.Task {
	return task.Task{Kind: task.Verify, Run: r.ledger.Name, Shard: shard}
}
