package progress

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// written holds the names of records that exist, in order.
type written struct {
	copied []string // write-offs
	again  []string // segments sealed again
	roots  bool     // copied lacks the write-offs of retries, and again has the names of what was retried
}

// off reports whether a batch is written off.
func (w written) off(batch string) bool {
	_, found := slices.BinarySearch(w.copied, batch)
	return found
}

// sealedAgain reports whether a batch was sealed again, or may have been.
func (w written) sealedAgain(batch string) bool {
	batch, _, _ = strings.Cut(batch, ".")
	if w.roots {
		_, found := slices.BinarySearch(w.again, batch)
		return found
	}
	i, _ := slices.BinarySearch(w.again, batch+".")
	return i < len(w.again) && strings.HasPrefix(w.again[i], batch+".")
}

// openOf visits those of batches, or what took their rest, that are not written
// off. A write-off that cannot be read is no open one: verification fails on it.
func openOf(ctx context.Context, r *ledger.Run, batches []ledger.BatchRef, w written, visit func(ledger.BatchRef)) error {
	for _, b := range batches {
		switch {
		case b.Pending == 0:
		case !w.off(b.ID):
			visit(b)
		case w.sealedAgain(b.ID): // else it was never retried: the usual case costs no read
			if err := openRest(ctx, r, b, w, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// openRest visits what took the rest of b, which is written off, and is not written off.
func openRest(ctx context.Context, r *ledger.Run, b ledger.BatchRef, w written, visit func(ledger.BatchRef)) error {
	off, err := r.Batches().ReadWriteOff(ctx, b.ID)
	switch {
	case fault.KindOf(err) == fault.Corrupt:
		return nil
	case ledger.Missing(err):
		visit(b)
		return nil
	case err != nil:
		return err
	}
	return openIn(ctx, r, off.Rest, w, visit)
}

// openIn visits those of rest, or what took their rest, that are not written off.
func openIn(ctx context.Context, r *ledger.Run, rest []ledger.BatchRef, w written, visit func(ledger.BatchRef)) error {
	for _, b := range rest {
		switch {
		case b.Pending == 0:
		case !w.roots && !w.off(b.ID):
			visit(b)
		default:
			if err := openRest(ctx, r, b, w, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// OpenBatches returns batches of a closed shard that are not written off, none
// once all are: first those never written off, and when there are no more of
// these, the newest retries of the others.
func OpenBatches(ctx context.Context, r *ledger.Run, c ledger.Closed) ([]ledger.BatchRef, error) {
	var w written
	if !slices.ContainsFunc(c.Batches, func(b ledger.BatchRef) bool { return b.Pending > 0 }) {
		return nil, nil
	}
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	prefix := c.Shard + "-"
	if err := r.Folder().Names(ctx, "copied/"+prefix, func(n string) { w.copied = append(w.copied, strings.TrimPrefix(n, "copied/")) }); err != nil {
		return nil, err
	}
	var open []ledger.BatchRef
	for _, b := range c.Batches {
		if b.Pending > 0 && !w.off(b.ID) {
			open = append(open, b)
		}
	}
	if len(open) > 0 {
		return open, nil // a task that waits for them need not know of the retries yet
	}
	if err := r.Folder().Names(ctx, "again/"+prefix, func(n string) { w.again = append(w.again, strings.TrimPrefix(n, "again/")) }); err != nil {
		return nil, err
	}
	err := openOf(ctx, r, c.Batches, w, func(b ledger.BatchRef) { open = append(open, b) })
	return open, err
}

// Unverified lists the closed shards that are not verified yet, and the root
// where it is not, by two listings. If there is none, a Glance tells the rest.
func Unverified(ctx context.Context, r *ledger.Run) ([]string, error) {
	open := map[string]bool{ledger.RootShard: true}
	var verified []string
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return r.Folder().Names(gctx, "closed/", func(n string) { open[strings.TrimPrefix(n, "closed/")] = true })
	})
	g.Go(func() error { // one that is both since is taken to be open yet
		return r.Folder().Names(gctx, "verified/", func(n string) { verified = append(verified, strings.TrimPrefix(n, "verified/")) })
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, shard := range verified {
		delete(open, shard)
	}
	return slices.Sorted(maps.Keys(open)), nil
}

// CopiedSince returns since when every batch of a closed shard is written off,
// by the store's clock. ok is false while one is open, or the shard is not closed.
func CopiedSince(ctx context.Context, r *ledger.Run, shard string) (since time.Time, ok bool, err error) {
	c, err := r.Shards().ReadListed(ctx, shard)
	if err != nil {
		if ledger.Missing(err) {
			err = nil
		}
		return since, false, err
	}
	if open, err := OpenBatches(ctx, r, c); err != nil || len(open) > 0 {
		return since, false, err
	}
	since = c.At
	err = r.Folder().List(ctx, store.Range{Prefix: "copied/" + shard + "-"}, func(_ string, o store.Object) { since = later(since, o.Modified) })
	return since, err == nil, err
}
