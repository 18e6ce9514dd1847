package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// Notice is how long after a run was paused, cancelled or sealed every process
// at work has noticed: each asks the ledger that often, and an answer takes a while.
const Notice = refreshEvery + refreshEvery/4

// End closes the books of a run that was cancelled, or whose job was ended for
// good: its open uploads are aborted, and its report says what was done and
// what is open. What a process that has not noticed yet still does, the report
// has as open: so Notice should have passed. A run that is over has its report
// already, which End returns; one that goes on is Invalid. It costs a read for
// each batch of a shard that is not verified.
func (p *Pipeline) End(ctx context.Context, name string) (Report, error) {
	r, err := p.run(ctx, name)
	if err != nil {
		return Report{}, err
	}
	switch s, _, err := r.Standing(ctx); {
	case err != nil:
		return Report{}, err
	case s == ledger.Over:
		return ReadReport(ctx, r.Run)
	case !s.Final():
		return Report{}, fault.New(fault.Invalid, "pipeline.End", name, fmt.Errorf("run %s was not cancelled: it is %s", name, s))
	}
	if _, err := r.abortAll(ctx); err != nil { // the run must end all the same; clean tries again
		r.log.WarnContext(ctx, "uploads not aborted", "fault", fault.KindOf(err), "err", err)
	}
	walk, err := r.Walk(ctx)
	if err != nil {
		return Report{}, err
	}
	rep, manifest, err := r.broken(ctx, walk)
	if err != nil {
		return Report{}, err
	}
	if err := r.publish(ctx, rep, manifest); err != nil {
		return Report{}, err
	}
	r.log.InfoContext(ctx, "run cancelled", "listed", rep.Objects.Listed, "open", rep.Objects.Open)
	return ReadReport(ctx, r.Run) // another may have been faster
}

// abortAll aborts every upload that the ledger knows and returns how many
// there were. One that was completed, or is gone, is no error.
func (r *run) abortAll(ctx context.Context) (int, error) {
	batches, err := r.Uploads(ctx)
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(batches))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, batch := range batches {
		g.Go(func() error {
			errs[i] = r.abort(gctx, batch)
			return nil
		})
	}
	_ = g.Wait() // one that cannot be aborted keeps no other
	return len(batches), errors.Join(errs...)
}

// broken is fold for a run that stopped midway: what is not verified is read
// row by row, and what is not written off is open.
func (r *run) broken(ctx context.Context, p ledger.Progress) (Report, Manifest, error) {
	rep, manifest := r.blank(), Manifest{V: ledger.Version, Run: r.Name}
	var ended ledger.Counts
	for _, s := range p.Shards {
		switch {
		case s.Closed == nil:
			rep.unknown(s, "not listed: the run was cancelled before")
		case s.Proved != nil || s.Closed.Failed != "":
			rep.take(s, &ended, &manifest)
		default:
			if err := r.tally(ctx, *s.Closed, &rep, &ended, &manifest); err != nil {
				return rep, manifest, err
			}
		}
	}
	rep.sum(len(p.Shards), ended)
	if r.job.Delete {
		g, err := r.Decided(ctx)
		switch {
		case ledger.Missing(err):
			rep.Mirror = &Mirror{Refused: "the run was cancelled before"}
		case err != nil:
			return rep, manifest, err
		default:
			if err := r.foldDeletes(ctx, p, g, &rep, &manifest); err != nil {
				return rep, manifest, err
			}
		}
	}
	rep.Result = ResultCancelled
	return rep, manifest, nil
}

// tally reads the rows of a shard that is not verified into the books.
func (r *run) tally(ctx context.Context, c ledger.Closed, rep *Report, ended *ledger.Counts, m *Manifest) error {
	ended.Listed.Add(c.Counts.Listed.Objects, c.Counts.Listed.Bytes)
	ended.Excluded.Add(c.Counts.Excluded.Objects, c.Counts.Excluded.Bytes)
	table := newTable(r.job)
	for todo := c.Batches; len(todo) > 0; {
		some := todo[:min(len(todo), lookups)]
		todo = todo[len(some):]
		rows := make([][]ledger.Row, len(some))
		g, gctx := errgroup.WithContext(ctx)
		for i, b := range some {
			g.Go(func() (err error) {
				rows[i], _, err = r.Settled(gctx, b)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, batch := range rows {
			for _, row := range batch {
				ended.Listed.Add(0, row.Grew)
				ended.Count(row)
				if row.State == ledger.Failed || row.State == ledger.Conflict {
					rep.fail(ledger.Failure{Key: row.Key(), State: row.State, Reason: row.Reason})
				}
				if err := table.add(row); err != nil {
					return err
				}
			}
		}
	}
	data, err := table.finish()
	if err != nil {
		return err
	}
	f := ledger.File{Rows: table.rows, SHA256: table.sum(data)}
	if f.Name, err = r.WriteObjects(ctx, c.Shard, data); err != nil {
		return err
	}
	m.Files = append(m.Files, f)
	return nil
}
