package index

import (
	"context"
	"slices"
	"strings"

	"kodoferry/shared/ledger/files"
)

// folders lists the names between base and the next slash, those after first, in order: a
// request for a thousand of them. A file directly below base counts as one.
func folders(ctx context.Context, in files.Folder, base, first string) (names []string, err error) {
	for name, err := range files.Entries(ctx, in, base, first) {
		if err != nil {
			return nil, err
		}
		names = append(names, strings.TrimSuffix(name, "/"))
	}
	slices.Sort(names) // an entry "a-b/" comes before "a/"
	return slices.Compact(names), nil
}
