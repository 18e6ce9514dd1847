package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// report waits until every shard is closed and verified, then writes the
// report. Its record ends the run.
func (r *run) report(ctx context.Context, t task.Task) ([]task.Task, error) {
	if r.start.Events {
		return r.reportDay(ctx, t)
	}
	if next, err := r.waiting(ctx, t); err != nil || len(next) > 0 {
		return next, err
	}
	var g ledger.DeleteDecision
	if r.job.Delete {
		var err error
		if g, err = r.decided(ctx); ledger.Missing(err) {
			return r.lookAgain(t, awaitFew), nil
		} else if err != nil {
			return nil, err
		}
	}
	p, err := r.ledger.Glance(ctx)
	switch {
	case err != nil:
		return nil, err
	case p.Reported:
		return nil, nil
	case !p.Done():
		return r.lookAgain(t, awaitListing), nil
	case r.job.Delete && len(r.deletes(p, g)) > 0: // each look costs a read a shard
		return r.lookAgain(t, max(awaitFew, r.config.Now().Sub(g.At)/2)), nil
	}
	rep, manifest := report.Fold(r.ledger.Name, r.job, p, r.config.Now().UTC())
	if r.job.Delete {
		if err := r.foldDeletes(ctx, p, g, &rep, &manifest); err != nil {
			return nil, err
		}
	}
	named := int64(0)
	for _, s := range r.start.Keys {
		named += int64(s.Count)
	}
	rep.Doubt(r.job, named, func() []string { return listing.Beside(ctx, r.src, r.job.Source.Prefix, report.Beside) })
	return nil, r.publish(ctx, rep, manifest)
}

// publish writes the files beside the report, then the report.
func (r *run) publish(ctx context.Context, rep report.Report, m report.Manifest) error {
	files, err := report.Encode(rep, m)
	if err != nil {
		return err
	}
	if err := r.ledger.WriteFile(ctx, report.ManifestFile, files.Manifest); err != nil {
		return err
	}
	if err := r.ledger.WriteFile(ctx, report.PageFile, files.Page); err != nil {
		return err
	}
	_, err = r.ledger.Finish(ctx, files.Report)
	return err
}
