package pipeline

import (
	"context"

	"kodoferry/shared/store"
)

// Chained reports whether a run would list src in one chain: it cannot be shown
// to list what follows a key that does not exist.
func Chained(ctx context.Context, src store.Source, r store.Range) (bool, error) {
	return chained(ctx, src, r)
}
