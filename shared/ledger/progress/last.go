package progress

import (
	"context"

	"kodoferry/shared/ledger"
)

// OpenBatch returns a batch of a shard that is not written off, "" once all are. seen is
// one that was open before: where it still is, which costs one request, that is the answer.
// A shard that is not closed is NotFound.
func OpenBatch(ctx context.Context, r *ledger.Run, shard, seen string) (string, error) {
	if open, err := isOpen(ctx, r, "copied/", seen); err != nil || open {
		return seen, err
	}
	c, err := r.Shards().RecallListed(ctx, shard)
	if err != nil {
		return "", err
	}
	open, err := OpenBatches(ctx, r, c)
	if n := len(open); err == nil && n > 0 {
		return open[n-1].ID, nil // which tends to be the last to be written off
	}
	return "", err
}

// OpenClosed returns a closed shard of a run that is not verified, or the root, "" once all
// are, as OpenBatch does.
func OpenClosed(ctx context.Context, r *ledger.Run, seen string) (string, error) {
	if open, err := isOpen(ctx, r, "verified/", seen); err != nil || open {
		return seen, err
	}
	closed, err := Unverified(ctx, r)
	if n := len(closed); err == nil && n > 0 {
		return closed[n-1], nil
	}
	return "", err
}

// OpenShard is OpenClosed of every shard of a run, be it listed or not. A run that is over
// has none.
func OpenShard(ctx context.Context, r *ledger.Run, seen string) (string, error) {
	closed, err := OpenClosed(ctx, r, seen)
	if err != nil || closed != "" {
		return closed, err
	}
	p, err := Glance(ctx, r)
	if err != nil {
		return "", err
	}
	for _, s := range p.Shards {
		if !s.Done() {
			return s.Ref.Shard, nil
		}
	}
	return "", nil
}

// OpenDeletion returns a batch of what is to be deleted that is not written off, "" once
// all are, as OpenBatch does.
func OpenDeletion(ctx context.Context, r *ledger.Run, seen string) (string, error) {
	if open, err := isOpen(ctx, r, "copied/", seen); err != nil || open {
		return seen, err
	}
	p, err := Glance(ctx, r)
	if err != nil {
		return "", err
	}
	for _, s := range p.Shards {
		if n := len(s.Extra); n > 0 {
			return s.Extra[n-1].ID, nil
		}
	}
	return "", nil
}

// isOpen reports whether what was seen, if anything, has no record of that kind yet. With an
// error it is taken to have none.
func isOpen(ctx context.Context, r *ledger.Run, kind, seen string) (bool, error) {
	if seen == "" {
		return false, nil
	}
	ended, err := r.Folder().Has(ctx, kind+seen)
	return !ended, err
}
