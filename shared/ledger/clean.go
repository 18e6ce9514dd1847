package ledger

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/store"
)

// Files visits every file of the run, in order, with its size in bytes; last its
// mark, as "open", which is kept beside those of all runs.
func (r *Run) Files(ctx context.Context, visit func(name string, size int64)) error {
	if err := r.files.List(ctx, store.Range{}, func(name string, o store.Object) { visit(name, o.Size) }); err != nil {
		return err
	}
	mark, err := r.ledger.files.Stat(ctx, OpenMark(r.Name))
	if Missing(err) {
		return nil
	}
	if err == nil {
		visit("open", mark.Size)
	}
	return err
}

// removers is how many files are removed side by side.
const removers = 32

// Remove removes files of the run, many at a time. One that is gone is no error.
func (r *Run) Remove(ctx context.Context, names []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(removers)
	for _, name := range names {
		g.Go(func() error { return r.files.Remove(ctx, name) })
	}
	return g.Wait()
}
