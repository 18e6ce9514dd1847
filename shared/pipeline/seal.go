package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// sealer gathers rows in key order and writes them away in batches while the
// listing goes on.
type sealer struct {
	run    *run
	shard  string
	nonce  string // of this delivery: a twin's segments have other names
	ctx    context.Context
	cancel context.CancelFunc
	writes *errgroup.Group

	pace  ledger.Pace   // of what copies
	batch time.Duration // what one batch may cost

	rows    []ledger.Row
	usual   int // how many the last batch had: batches are much alike
	pending int
	parts   bool // the one pending row goes in parts
	bytes   int64
	cost    time.Duration // of the pending rows, one after the other
	weight  int64         // bytes of all rows, roughly, as JSON

	extras []ledger.Row // what only the target has
	sealed int          // batches of them

	held int64 // of the target, as Closed has it

	mu      sync.Mutex // over deletes and others: they are known only once they were looked at
	deletes []ledger.BatchRef
	others  ledger.Tally
	batches []ledger.BatchRef
	counts  ledger.Counts
}

const (
	// sealers is how many segments are written at the same time.
	sealers = 4
	// rowsPerSegment bounds what a segment holds where little of it is pending.
	rowsPerSegment = 10_000
	// extrasPerBatch is how many objects one Delete task removes at most.
	extrasPerBatch = 1000
	// batchTime is what a batch is to take: long enough that its message and its
	// records cost next to nothing, short enough for an invocation of 5 minutes
	// and for what is checked again after a kill.
	batchTime = 20 * time.Second
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

// failed is why what was gathered cannot be kept: a segment that could not be
// written, or the end of the context; nil while neither happened. After an error
// nothing that is still listed would count.
func (s *sealer) failed() error {
	if s.ctx.Err() == nil {
		return nil
	}
	if err := s.writes.Wait(); err != nil {
		return err
	}
	return s.ctx.Err()
}

// take takes what both sides list under one key.
func (s *sealer) take(j verdict.Judged) error {
	if err := s.failed(); err != nil {
		return err
	}
	switch {
	case j.Src == nil:
		s.extra(*j.Dst)
	case j.Excluded:
		s.counts.Excluded.Add(1, j.Src.Size)
	default:
		if j.Dst != nil {
			s.held++
		}
		s.add(j.Row)
	}
	return nil
}

func (s *sealer) add(row ledger.Row) {
	l := s.run.job.Limits
	big := row.State == ledger.Pending && s.run.inParts(row)
	if row.State == ledger.Pending {
		if s.batch == 0 {
			s.pace, s.batch = s.run.batchPace(s.ctx), batchTime*time.Duration(l.Parallel)
		}
		if s.pending > 0 && (big || s.pending >= l.BatchObjects || s.bytes+row.Src.Size > l.BatchBytes || s.cost >= s.batch) {
			s.seal()
		}
		s.pending++
		s.bytes += row.Src.Size
		s.cost += limit.Cost(s.pace, row.Src.Size)
	}
	if len(s.rows) == cap(s.rows) { // append grows what is large by quarters
		s.rows = slices.Grow(s.rows, max(len(s.rows), s.usual, 64))
	}
	s.rows = append(s.rows, row)
	s.counts.Listed.Objects++
	s.counts.Listed.Bytes += row.Src.Size
	s.counts.Count(row)
	s.weight += weigh(row)
	if big || len(s.rows) >= rowsPerSegment {
		s.parts = big
		s.seal()
	}
}

// batchPace returns the pace that the run's batches are sized by.
func (r *run) batchPace(ctx context.Context) ledger.Pace {
	p, err := r.pace.Of(ctx, r.ledger, r.start.Deployed)
	if err != nil { // p is assumed, which suffices
		r.log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err)
	}
	return p
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
		Rows: len(rows), Pending: s.pending, Bytes: s.bytes, Parts: s.parts,
	}
	s.batches = append(s.batches, b)
	s.rows, s.usual = nil, len(rows)
	s.pending, s.bytes, s.cost, s.parts = 0, 0, 0, false
	s.writes.Go(func() error {
		if err := s.run.ledger.Seal(s.ctx, b.ID, rows); err != nil {
			return err
		}
		s.run.config.Watch(Progress{Kind: Listed, N: int64(len(rows)), Bytes: sizes(rows)})
		for _, row := range rows {
			if row.State != ledger.Pending {
				s.run.config.Watch(Progress{Kind: Settled, Key: row.Key(), Row: row})
			}
		}
		return nil
	})
}

// extra takes an object that only the target has. Whether it is the job's is
// looked at in due time.
func (s *sealer) extra(o store.Object) {
	if !s.run.rules.Match.MatchKey(o.Key) || s.run.rules.InLedger(o.Key) {
		return
	}
	s.held++
	s.extras = append(s.extras, ledger.Row{
		Src: store.Object{Key: o.Key}, Dst: &ledger.Dst{ETag: o.Hash, Size: o.Size, Modified: o.Modified}, State: ledger.Pending,
	})
	if len(s.extras) == extrasPerBatch {
		s.sealExtras()
	}
}

// sealExtras begins to write away those of the gathered extras that are
// the job's copies: the others are not ours to delete.
func (s *sealer) sealExtras() {
	rows := s.extras
	if len(rows) == 0 {
		return
	}
	s.extras = nil
	id := fmt.Sprintf("%s-%sx%04d", s.shard, s.nonce, s.sealed)
	s.sealed++
	s.writes.Go(func() error {
		rows, others, err := mirror.Ours(s.ctx, s.run.dst, &s.run.rules, rows)
		s.mu.Lock()
		s.others.Add(others.Objects, others.Bytes)
		s.mu.Unlock()
		if err != nil || len(rows) == 0 {
			return err
		}
		b := ledger.BatchRef{
			ID:    id,
			First: rows[0].Key(), Last: rows[len(rows)-1].Key(), Rows: len(rows), Pending: len(rows),
		}
		for _, row := range rows {
			b.Bytes += row.Dst.Size
		}
		s.mu.Lock()
		s.deletes = append(s.deletes, b)
		s.mu.Unlock()
		return s.run.ledger.Seal(s.ctx, b.ID, rows)
	})
}

// finish seals the rest and waits until everything is written.
func (s *sealer) finish() ([]ledger.BatchRef, ledger.Counts, error) {
	s.seal()
	s.sealExtras()
	if err := s.writes.Wait(); err != nil {
		return nil, ledger.Counts{}, err
	}
	slices.SortFunc(s.deletes, func(a, b ledger.BatchRef) int { return strings.Compare(a.First, b.First) })
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
