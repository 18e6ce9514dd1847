package pipeline

import (
	"context"
	"iter"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// list walks source and target side by side over t.Range and seals what it
// finds into batches. It covers as much as one shard may hold, or half of the
// time at hand allows; the rest becomes its children, which are listed side by side.
func (r *run) list(ctx context.Context, t task.Task) ([]task.Task, error) {
	if c, err := r.Closed(ctx, t.Shard); !ledger.Missing(err) {
		if first(t) {
			return nil, err
		}
		return r.afterList(c), err
	}
	c := ledger.Closed{Shard: t.Shard, Range: t.Range, Before: t.Before}
	s := newSealer(ctx, r, t.Shard)
	defer s.stop()
	last, more, whole := "", false, false
	ahead := "" // of a chain: keys of the source ahead of last
	seen := int64(0)
	var near [2]string // keys that were the last one when a multiple of look was seen
	looking, enough := reserve(ctx)
	defer enough()
	rest := half(ctx)
	for j, err := range r.judged(ctx, &lone{run: r, task: t}, r.join(looking, t.Range, t.Before)) {
		if err != nil && whole && isBorder(last) && looking.Err() != nil && ctx.Err() == nil {
			more = true // a page that did not come in time: what came before it stands
			break
		}
		if err != nil {
			return nil, err
		}
		if whole && (seen >= r.job.Limits.ShardKeys || s.weight >= r.job.Limits.ShardBytes || late(ctx, rest)) && isBorder(last) {
			more = true
			break
		}
		if err := s.take(j); err != nil {
			return nil, err
		}
		last = j.key()
		whole = j.src != nil || !r.start.Chain // a chain goes on from a key that the source has
		if seen++; seen%look == 1 {
			near[0], near[1] = near[1], last
		}
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
		if near[0] == "" {
			near[0] = near[1]
		}
		if r.start.Chain {
			ahead = landmarksOf(c, last, near[:]...)
		}
		c.Children = r.children(looking, left, near[0], min(seen, look+(seen-1)%look), c.Batches)
		for i := range c.Children {
			if c.Children[i].Before = ahead; r.start.Chain { // the borders before it, too
				keys := append(strings.Split(ahead, between), c.Children[i].Range.After)
				ahead = strings.Join(keys[max(0, len(keys)-mostBefore):], between)
			}
		}
	}
	c.At = r.Now().UTC()
	if c, err = r.Close(ctx, c); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "shard closed", "shard", c.Shard, "objects", c.Counts.Listed.Objects, "batches", len(c.Batches), "children", len(c.Children))
	return r.afterList(c), nil
}

// half of the time at hand goes to the listing of a shard at most: its
// verification lists the same again, and cannot leave a part of it to another.
func half(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(0, (time.Until(deadline)-margin)/2)
}

// join walks both sides over a range. Where deletions are mirrored, what only
// the target has is looked at, too.
func (r *run) join(ctx context.Context, in store.Range, before string) iter.Seq2[pair, error] {
	return join(from(ctx, r.srcFrom(before), in), from(ctx, r.dst, in), r.job.Delete)
}

func from(ctx context.Context, b store.Source, in store.Range) lister {
	return func(after string) iter.Seq2[store.Object, error] {
		in.After = max(in.After, after)
		return b.List(ctx, in)
	}
}

// children names what is left after a shard whose last n keys lie from near on.
func (r *run) children(ctx context.Context, left store.Range, near string, n int64, batches []ledger.BatchRef) []ledger.ShardRef {
	keys := []string{near, left.After}
	for _, b := range batches {
		keys = append(keys, b.First, b.Last)
	}
	p := &splitter{src: r.src, in: left, full: r.job.Limits.ShardKeys, chain: r.start.Chain, scale: landmarks.with(keys...)}
	var children []ledger.ShardRef
	for _, part := range p.split(ctx, near, n, r.job.Limits.Fanout) {
		children = append(children, ledger.ShardRef{Shard: ledger.Nonce(), Range: part})
	}
	return children
}

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
	if c.Shard != "" {
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
	return task.Task{Kind: task.List, Run: r.Name, Shard: s.Shard, Range: s.Range, Before: s.Before}
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
	return task.Task{Kind: kind, Run: r.Name, Shard: shard, Batch: b.ID, First: fault.Brief(b.First, maxNamed), Last: fault.Brief(b.Last, maxNamed), Count: b.Pending, Bytes: b.Bytes}
}

func (r *run) verifyTask(shard string) task.Task {
	return task.Task{Kind: task.Verify, Run: r.Name, Shard: shard}
}
