package mirror

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Ours returns those of rows whose objects in the target are the job's copies, and
// counts the copies that are not known to be: of another job, or by an earlier version
// of Ferry. A row that has an Author is what earlier runs left: it is the job's, unless
// that is ledger.NotOurs. Of any other the metadata that are kept with the object tell,
// which costs one HEAD, beside what was known of its key.
func Ours(ctx context.Context, rules *verdict.Rules, rows []ledger.Row) (mine []ledger.Row, others ledger.Tally, err error) {
	heads := make([]store.Object, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i, row := range rows {
		if row.Author != "" {
			continue
		}
		g.Go(func() error {
			kept, err := store.Retry(ctx, store.Pauses(), "mirror.Ours", row.Key(), func() (store.Object, error) {
				return verdict.Look(ctx, rules, row.Key(), row.Dst, memory.DstOf(memory.Was(row)))
			})
			if fault.KindOf(err) == fault.NotFound {
				return nil
			}
			heads[i] = kept
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, others, err
	}
	for i, row := range rows {
		switch kept := heads[i]; {
		case row.Author == ledger.NotOurs:
			others.Add(1, row.Dst.Size)
		case row.Author != "":
			mine = append(mine, row)
		case kept.Origin == nil || !rules.Copies().Stands(*row.Dst, kept, row.Author):
		case rules.Copies().WroteStill(kept, memory.Was(row)):
			row.Author, row.Dst.Mark = rules.Job.Name, kept.Origin.Mark
			mine = append(mine, row)
		default:
			others.Add(1, kept.Size)
		}
	}
	return mine, others, nil
}
