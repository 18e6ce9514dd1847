package pipeline

import (
	"context"

	"kodoferry/shared/store"
)

// CommonCause is what the reasons of rows that failed by one cause have in
// common: reason without the names, hashes and request ids that differ from
// object to object.
func CommonCause(reason string) string { return common(reason) }

// Chained reports whether a run would list src in one chain: it cannot be shown
// to list what follows a key that does not exist.
func Chained(ctx context.Context, src store.Source, r store.Range) (bool, error) {
	return chained(ctx, src, r)
}
