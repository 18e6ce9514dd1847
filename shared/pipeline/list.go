package pipeline

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// list walks source and target side by side over t.Range and seals what it
// finds into batches. It covers as much as one shard may hold, or the time at
// hand allows; the rest becomes its child.
func (r *run) list(ctx context.Context, t task.Task) ([]task.Task, error) {
	if c, err := r.Closed(ctx, t.Shard); !ledger.Missing(err) {
		return r.afterList(c), err
	}
	c := ledger.Closed{Shard: t.Shard, Range: t.Range}
	s := newSealer(ctx, r, t.Shard)
	defer s.stop()
	last, more := "", false
	for pair, err := range join(r.src.List(ctx, t.Range), r.dst.List(ctx, t.Range)) {
		if err != nil {
			return nil, err
		}
		if last != "" && (s.counts.Listed.Objects >= r.job.Limits.ShardKeys || s.weight >= r.job.Limits.ShardBytes || late(ctx, 0)) {
			more = true
			break
		}
		row, err := r.judge(ctx, pair.src, pair.dst)
		if err != nil {
			return nil, err
		}
		s.add(row)
		last = pair.src.Key
	}
	var err error
	if c.Batches, c.Counts, err = s.finish(); err != nil {
		return nil, err
	}
	if more {
		c.Range.UpTo = last
		c.Children = []ledger.ShardRef{{Shard: ledger.Nonce(), Range: store.Range{Prefix: t.Range.Prefix, After: last, UpTo: t.Range.UpTo}}}
	}
	c.At = r.Now().UTC()
	if c, err = r.Close(ctx, c); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "shard closed", "shard", c.Shard, "objects", c.Counts.Listed.Objects, "batches", len(c.Batches))
	return r.afterList(c), nil
}

// afterList returns what follows from a closed shard: first the rest of the
// listing, so that it goes on while batches are copied.
func (r *run) afterList(c ledger.Closed) []task.Task {
	var next []task.Task
	for _, child := range c.Children {
		next = append(next, r.listTask(child))
	}
	for _, b := range c.Batches {
		if b.Pending > 0 {
			next = append(next, r.copyTask(c.Shard, b))
		}
	}
	if c.Shard != "" {
		next = append(next, r.verifyTask(c.Shard))
	}
	return next
}

func (r *run) listTask(s ledger.ShardRef) task.Task {
	return task.Task{Kind: task.List, Run: r.Name, Shard: s.Shard, Range: s.Range}
}

func (r *run) copyTask(shard string, b ledger.BatchRef) task.Task {
	return task.Task{Kind: task.Copy, Run: r.Name, Shard: shard, Batch: b.ID, First: b.First, Last: b.Last, Count: b.Pending, Bytes: b.Bytes}
}

func (r *run) verifyTask(shard string) task.Task {
	return task.Task{Kind: task.Verify, Run: r.Name, Shard: shard}
}

// sealer gathers rows in key order and writes them away in batches while the
// listing goes on.
type sealer struct {
	run    *run
	shard  string
	nonce  string // of this delivery: a twin's segments have other names
	ctx    context.Context
	cancel context.CancelFunc
	writes *errgroup.Group

	rows    []ledger.Row
	pending int
	bytes   int64
	weight  int64 // bytes of all rows, roughly, as JSON

	batches []ledger.BatchRef
	counts  ledger.Counts
}

const (
	// sealers is how many segments are written at the same time.
	sealers = 4
	// rowsPerSegment bounds what a segment holds where little of it is pending.
	rowsPerSegment = 5000
)

func newSealer(ctx context.Context, r *run, shard string) *sealer {
	s := &sealer{run: r, shard: shard, nonce: ledger.Nonce()}
	ctx, s.cancel = context.WithCancel(ctx)
	s.writes, s.ctx = errgroup.WithContext(ctx)
	s.writes.SetLimit(sealers)
	return s
}

// stop ends what is still being written. Safe after finish.
func (s *sealer) stop() {
	s.cancel()
	_ = s.writes.Wait()
}

func (s *sealer) add(row ledger.Row) {
	l := s.run.job.Limits
	if row.State == ledger.Pending {
		if s.pending > 0 && (s.pending >= l.BatchObjects || s.bytes+row.Src.Size > l.BatchBytes) {
			s.seal()
		}
		s.pending++
		s.bytes += row.Src.Size
	}
	s.rows = append(s.rows, row)
	s.counts.Listed.Objects++
	s.counts.Listed.Bytes += row.Src.Size
	s.counts.Count(row)
	s.weight += weigh(row)
	if len(s.rows) >= rowsPerSegment {
		s.seal()
	}
}

// seal begins to write what was gathered as a batch.
func (s *sealer) seal() {
	if len(s.rows) == 0 {
		return
	}
	rows := s.rows
	b := ledger.BatchRef{
		ID:    fmt.Sprintf("%s-%s%05d", s.shard, s.nonce, len(s.batches)),
		First: rows[0].Key(), Last: rows[len(rows)-1].Key(),
		Rows: len(rows), Pending: s.pending, Bytes: s.bytes,
	}
	s.batches = append(s.batches, b)
	s.rows, s.pending, s.bytes = nil, 0, 0
	s.writes.Go(func() error {
		if err := s.run.Seal(s.ctx, b.ID, rows); err != nil {
			return err
		}
		s.run.Watch(Event{Kind: Listed, N: int64(len(rows)), Bytes: sizes(rows)})
		for _, row := range rows {
			if row.State != ledger.Pending {
				s.run.Watch(Event{Kind: Settled, Key: row.Key(), Row: row})
			}
		}
		return nil
	})
}

// finish seals the rest and waits until everything is written.
func (s *sealer) finish() ([]ledger.BatchRef, ledger.Counts, error) {
	s.seal()
	if err := s.writes.Wait(); err != nil {
		return nil, ledger.Counts{}, err
	}
	return s.batches, s.counts, nil
}

func sizes(rows []ledger.Row) (n int64) {
	for _, row := range rows {
		n += row.Src.Size
	}
	return n
}

// weigh estimates a row's bytes as JSON.
func weigh(row ledger.Row) int64 {
	n := 250 + len(row.Src.Key) + len(row.Reason) + 8*len(row.Src.Parts)
	for _, m := range []map[string]string{row.Src.Meta, row.Src.Header} {
		for k, v := range m {
			n += len(k) + len(v) + 6
		}
	}
	return int64(n)
}

// pair is one source object and the target's object of the same key, if any.
type pair struct {
	src store.Object
	dst *store.Object
}

// join walks two listings in key order and yields every source object.
func join(src, dst iter.Seq2[store.Object, error]) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		next, stop := iter.Pull2(dst)
		defer stop()
		d, err, ok := next()
		for s, serr := range src {
			if serr != nil {
				yield(pair{}, serr)
				return
			}
			for ok && err == nil && d.Key < s.Key {
				d, err, ok = next()
			}
			if ok && err != nil {
				yield(pair{}, err)
				return
			}
			p := pair{src: s}
			if ok && d.Key == s.Key {
				found := d
				p.dst = &found
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}
