package mirror

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Ours returns those of rows whose objects in the target are the job's copies, by the
// metadata that is kept with each object, and counts the copies that are not known to
// be: of another job, or by an earlier version of Ferry. Each row costs one HEAD.
func Ours(ctx context.Context, target store.Source, rules *verdict.Rules, rows []ledger.Row) (mine []ledger.Row, others ledger.Tally, err error) {
	found := make([]store.Object, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, row := range rows {
		g.Go(func() error {
			kept, err := store.Retry(ctx, store.Pauses(), "mirror.Ours", row.Key(), func() (store.Object, error) { return target.Stat(ctx, row.Key()) })
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			found[i] = kept
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, others, err
	}
	for i, row := range rows {
		switch kept := found[i]; {
		case kept.Origin == nil || kept.Hash != row.Dst.ETag:
		case rules.Wrote(kept):
			mine = append(mine, row)
		default:
			others.Add(1, kept.Size)
		}
	}
	return mine, others, nil
}
