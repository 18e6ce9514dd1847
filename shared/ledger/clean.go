package ledger

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

// Files visits every file of the run, in order, with its size in bytes.
func (r *Run) Files(ctx context.Context, visit func(name string, size int64)) error {
	return r.objects(ctx, store.Range{}, func(name string, o store.Object) { visit(name, o.Size) })
}

// Remove removes files of the run, many at a time. One that is gone is no error.
func (r *Run) Remove(ctx context.Context, names []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for _, name := range names {
		g.Go(func() error { return r.ledger.remove(ctx, r.base+name) })
	}
	return g.Wait()
}

// SegmentName is the file that a batch's rows are in.
func SegmentName(batch string) string { return segmentName(batch) }
