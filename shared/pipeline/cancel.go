package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
)

// End closes the books of a run that was cancelled, or whose job was ended for
// good: its open uploads are aborted, and its report says what was done and
// what is open. What a process that has not noticed yet still does, the report
// has as open: so limit.Notice should have passed. A run that is over has its report
// already, which End returns; one that goes on is Invalid. It costs a read for
// each batch of a shard that is not verified. It may be cut off at any moment:
// what it has aborted and added up it notes, and the next call goes on there.
func (p *Pipeline) End(ctx context.Context, name string) (report.Report, error) {
	r, err := p.run(ctx, name)
	if err != nil {
		return report.Report{}, err
	}
	switch s, _, err := r.ledger.Standing(ctx); {
	case err != nil:
		return report.Report{}, err
	case s == ledger.Over:
		return report.Read(ctx, r.ledger)
	case !s.Final():
		return report.Report{}, fault.New(fault.Invalid, "pipeline.End", name, fmt.Errorf("run %s was not cancelled: it is %s", name, s))
	}
	if err := r.abortAll(ctx); err != nil { // the run must end all the same; clean tries again
		r.log.WarnContext(ctx, "uploads not aborted", "fault", fault.KindOf(err), "err", err)
	}
	rep, manifest, err := r.broken(ctx)
	if err != nil {
		return report.Report{}, err
	}
	if err := r.publish(ctx, rep, manifest); err != nil {
		return report.Report{}, err
	}
	r.log.InfoContext(ctx, "run cancelled", "listed", rep.Objects.Listed, "open", rep.Objects.Open)
	return report.Read(ctx, r.ledger) // another may have been faster
}

// abortAll aborts every upload that the ledger knows, some at a time, and notes
// how far it has come. One that was completed, or is gone, is no error.
func (r *run) abortAll(ctx context.Context) error {
	var errs []error
	done, err := r.ledger.AbortedUntil(ctx)
	for err == nil {
		var batches []string
		if batches, err = r.ledger.Uploads(ctx, done, lookups*lookups); err != nil || len(batches) == 0 {
			break
		}
		failed := make([]error, len(batches))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(lookups)
		for i, batch := range batches {
			g.Go(func() error {
				failed[i] = r.abort(gctx, batch)
				return nil
			})
		}
		_ = g.Wait() // one that cannot be aborted keeps no other
		errs = append(errs, errors.Join(failed...))
		if err = ctx.Err(); err == nil {
			done = batches[len(batches)-1]
			err = r.ledger.NoteAborted(ctx, done)
		}
	}
	return errors.Join(append(errs, err)...)
}

// broken returns the report of a run that was cancelled: what is not verified is
// read row by row, and what is not written off is open.
func (r *run) broken(ctx context.Context) (report.Report, report.Manifest, error) {
	if r.start.Events {
		return r.brokenDay(ctx)
	}
	p, err := r.ledger.Glance(ctx)
	if err != nil {
		return report.Report{}, report.Manifest{}, err
	}
	var failures []ledger.Failure // of what is not verified, the first
	for i, s := range p.Shards {
		if s.Closed == nil || s.Closed.Failed != "" || s.Proved != nil {
			continue
		}
		t, err := r.tallied(ctx, s)
		if err != nil {
			return report.Report{}, report.Manifest{}, err
		}
		failures = append(failures, t.Failures[:min(len(t.Failures), ledger.MaxFailures-len(failures))]...)
		t.Failures = nil
		p.Shards[i].Proved = &t
	}
	p.Failures = append(p.Failures, failures...)
	rep, manifest := report.Fold(r.ledger.Name, r.job, p, r.config.Now().UTC())
	if r.job.Delete {
		g, err := r.decided(ctx)
		switch {
		case ledger.Missing(err):
			rep.Mirror = &report.Mirror{Refused: "the run was cancelled before"}
		case err != nil:
			return rep, manifest, err
		default:
			if err := r.foldDeletes(ctx, p, g, &rep, &manifest); err != nil {
				return rep, manifest, err
			}
		}
	}
	rep.Result = report.Cancelled
	return rep, manifest, nil
}

// brokenDay is broken for a run of events.
func (r *run) brokenDay(ctx context.Context) (report.Report, report.Manifest, error) {
	d := dayFold{run: r, open: true}
	done, err := d.fold(ctx)
	if err == nil && !done {
		err = fault.New(fault.Temporary, "pipeline.End", r.ledger.Name, errors.New("there was no time for all events; the next call goes on behind those that are added up"))
	}
	if err != nil {
		return report.Report{}, report.Manifest{}, err
	}
	rep, manifest := d.report()
	rep.Result = report.Cancelled
	return rep, manifest, nil
}

// tallied returns what a shard that is not verified has come to, from the record
// of an earlier call of End if there is one.
func (r *run) tallied(ctx context.Context, s ledger.Shard) (ledger.Proved, error) {
	p, err := r.ledger.Ended(ctx, s.Ref.Shard)
	if !ledger.Missing(err) {
		return p, err
	}
	c, err := r.ledger.Closed(ctx, s.Ref.Shard)
	if err != nil {
		return p, err
	}
	if p, err = r.tally(ctx, c); err != nil {
		return p, err
	}
	return r.ledger.EndShard(ctx, p)
}

// tally reads the rows of a shard that is not verified and adds them up.
func (r *run) tally(ctx context.Context, c ledger.Closed) (ledger.Proved, error) {
	p := ledger.Proved{Shard: c.Shard, At: r.config.Now().UTC()}
	p.Counts.Listed, p.Counts.Excluded = c.Counts.Listed, c.Counts.Excluded
	written := table.NewWriter(r.job)
	for todo := c.Batches; len(todo) > 0; {
		some := todo[:min(len(todo), lookups)]
		todo = todo[len(some):]
		batches, err := r.settled(ctx, some, true)
		if err != nil {
			return p, err
		}
		for _, rows := range batches {
			for _, row := range rows {
				tallyRow(&p, row)
				if err := written.Add(row); err != nil {
					return p, err
				}
			}
		}
	}
	data, file, err := written.Finish()
	if err != nil {
		return p, err
	}
	p.Objects = file
	p.Objects.Name, err = r.ledger.WriteObjects(ctx, c.Shard, data)
	return p, err
}

// tallyRow takes a row into the books, be it open.
func tallyRow(p *ledger.Proved, row ledger.Row) {
	p.Counts.Listed.Add(0, row.Grew)
	p.Counts.Count(row)
	if (row.State == ledger.Failed || row.State == ledger.Conflict) && len(p.Failures) < ledger.MaxFailures {
		p.Failures = append(p.Failures, row.Failure())
	}
}
