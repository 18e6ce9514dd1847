package ledger

import (
	"context"
	"slices"
	"strings"
)

// written holds the names of records that exist, in order.
type written struct {
	copied []string // write-offs
	again  []string // segments sealed again
}

// off reports whether a batch is written off.
func (w written) off(batch string) bool {
	_, found := slices.BinarySearch(w.copied, batch)
	return found
}

// sealedAgain reports whether the name of a segment that was sealed again begins with prefix.
func (w written) sealedAgain(prefix string) bool {
	i, _ := slices.BinarySearch(w.again, prefix)
	return i < len(w.again) && strings.HasPrefix(w.again[i], prefix)
}

// open returns those of batches, or what took their rest, that are not written off.
func (r *Run) open(ctx context.Context, batches []BatchRef, w written) ([]BatchRef, error) {
	var open []BatchRef
	for todo := slices.Clone(batches); len(todo) > 0; {
		b := todo[0]
		todo = todo[1:]
		if b.Pending == 0 {
			continue
		}
		if !w.off(b.ID) {
			open = append(open, b)
			continue
		}
		if base, _, _ := strings.Cut(b.ID, "."); !w.sealedAgain(base + ".") {
			continue // never retried: the usual case costs no read
		}
		off, err := r.WrittenOff(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		todo = append(todo, off.Rest...)
	}
	return open, nil
}

// OpenBatches returns batches of a closed shard that are not written off, none
// once all are: first those never written off, and when there are no more of
// these, the newest retries of the others.
func (r *Run) OpenBatches(ctx context.Context, c Closed) ([]BatchRef, error) {
	var w written
	if !slices.ContainsFunc(c.Batches, func(b BatchRef) bool { return b.Pending > 0 }) {
		return nil, nil
	}
	// Write-offs are listed before what was sealed again: a retry's rows are there
	// before the write-off that names it, so a listed write-off never misses its retry.
	prefix := c.Shard + "-"
	if err := r.names(ctx, "copied/"+prefix, func(n string) { w.copied = append(w.copied, strings.TrimPrefix(n, "copied/")) }); err != nil {
		return nil, err
	}
	var open []BatchRef
	for _, b := range c.Batches {
		if b.Pending > 0 && !w.off(b.ID) {
			open = append(open, b)
		}
	}
	if len(open) > 0 {
		return open, nil // whoever waits for them need not know of the retries yet
	}
	if err := r.names(ctx, "again/"+prefix, func(n string) { w.again = append(w.again, strings.TrimPrefix(n, "again/")) }); err != nil {
		return nil, err
	}
	return r.open(ctx, c.Batches, w)
}

// Waiting reports, by two listings, whether some closed shard is not verified
// yet. If none is, Walk tells the rest.
func (r *Run) Waiting(ctx context.Context) (bool, error) {
	open := map[string]bool{RootShard: true}
	if err := r.names(ctx, "closed/", func(n string) { open[strings.TrimPrefix(n, "closed/")] = true }); err != nil {
		return false, err
	}
	if err := r.names(ctx, "verified/", func(n string) { delete(open, strings.TrimPrefix(n, "verified/")) }); err != nil {
		return false, err
	}
	return len(open) > 0, nil
}
