package closing

import (
	"context"
	"errors"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
)

// CloseCancelled adds up a run that was cancelled, and writes its report: what is not
// verified is read row by row, and what is not written off is open. It may be cut off at any
// moment: a record has what it has added up, and the next call goes on there.
func (b *Books) CloseCancelled(ctx context.Context) (report.Report, error) {
	rep, manifest, err := b.cancelled(ctx)
	if err != nil {
		return rep, err
	}
	return rep, b.Publish(ctx, rep, manifest)
}

func (b *Books) cancelled(ctx context.Context) (report.Report, report.Manifest, error) {
	if b.Started.Events {
		return b.cancelledDay(ctx)
	}
	p, err := progress.Glance(ctx, b.Run)
	if err != nil {
		return report.Report{}, report.Manifest{}, err
	}
	var failures []ledger.Failure // of what is not verified, the first
	for i, s := range p.Shards {
		if s.Closed == nil || s.Closed.Failed != "" || s.Proved != nil {
			continue
		}
		t, err := b.tallied(ctx, s)
		if err != nil {
			return report.Report{}, report.Manifest{}, err
		}
		failures = append(failures, t.Failures[:min(len(t.Failures), ledger.MaxFailures-len(failures))]...)
		p.Profile.Add(t.Profile)
		t.Failures, t.Profile = nil, nil
		p.Shards[i].Proved = &t
	}
	p.Failures = append(p.Failures, failures...)
	rep, manifest := report.Fold(b.Run.Name, b.Job, p, b.Now().UTC())
	if b.Job.Delete {
		decision, err := mirror.ReadDeleteDecision(ctx, b.Run)
		switch {
		case ledger.Missing(err):
			rep.Mirror = &report.Mirror{Refused: "the run was cancelled before"}
		case err != nil:
			return rep, manifest, err
		default:
			if err := b.foldDeletes(ctx, p, decision, &rep, &manifest); err != nil {
				return rep, manifest, err
			}
		}
	}
	rep.Result = report.Cancelled
	return rep, manifest, nil
}

// cancelledDay is cancelled for a run of events.
func (b *Books) cancelledDay(ctx context.Context) (report.Report, report.Manifest, error) {
	rep, manifest, left, err := b.day(ctx, true)
	if err == nil && left != Nothing {
		err = fault.New(fault.Temporary, "pipeline.End", b.Run.Name, errors.New("there was no time for all events; the next call goes on behind those that are added up"))
	}
	rep.Result = report.Cancelled
	return rep, manifest, err
}

// tallied returns what a shard that is not verified has come to, from the record
// of an earlier call of End if there is one.
func (b *Books) tallied(ctx context.Context, s progress.Shard) (ledger.Proved, error) {
	p, err := b.Run.Shards().ReadEnded(ctx, s.Ref.Shard)
	if !ledger.Missing(err) {
		return p, err
	}
	c, err := b.Run.Shards().ReadListed(ctx, s.Ref.Shard)
	if err != nil {
		return p, err
	}
	if p, err = b.tally(ctx, c); err != nil {
		return p, err
	}
	return b.Run.Shards().CreateEnded(ctx, p)
}

// tally reads the rows of a shard that is not verified and adds them up.
func (b *Books) tally(ctx context.Context, c ledger.Closed) (ledger.Proved, error) {
	p := ledger.Proved{Shard: c.Shard, At: b.Now().UTC()}
	p.Counts.Listed, p.Counts.Excluded = c.Counts.Listed, c.Counts.Excluded
	written := table.NewEnded(b.Job, b.Run.Name)
	look := func(ctx context.Context, batch ledger.BatchRef) ([]ledger.Row, error) {
		return b.settled(ctx, batch, true)
	}
	for row, err := range readahead.Flat(ctx, lookups, readahead.Slice(c.Batches), look) {
		if err != nil {
			return p, err
		}
		tallyRow(&p, row)
		if err := written.Add(row); err != nil {
			return p, err
		}
	}
	err := written.Write(ctx, b.Run.Results(), &p)
	return p, err
}

// tallyRow takes a row into the books, be it open.
func tallyRow(p *ledger.Proved, row ledger.Row) {
	p.Counts.Listed.Add(0, row.Grew)
	p.Counts.Count(&row)
	if row.State == ledger.Gone && row.Cause == ledger.NotThere {
		p.Counts.Absent++
	}
	if (row.State == ledger.Failed || row.State == ledger.Conflict) && len(p.Failures) < ledger.MaxFailures {
		p.Failures = append(p.Failures, row.Failure())
	}
}
