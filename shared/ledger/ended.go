package ledger

import (
	"context"

	"kodoferry/shared/ledger/files"
)

// What the end of a cancelled run has come to is kept, so that a process that is cut
// off while it closes the books, or comes after, goes on where that stopped.

// CreateEnded creates the record of what a shard had come to that was not verified
// when its run was cancelled, `ended/<shard>`, and returns the one that stands.
// Rows that are not written off are counted as Pending.
func (s Shards) CreateEnded(ctx context.Context, p Proved) (Proved, error) {
	p.V = Version
	return files.CreateRecord(ctx, s.files, "ended/"+p.Shard, p)
}

// ReadEnded reads what CreateEnded left. NotFound before.
func (s Shards) ReadEnded(ctx context.Context, shard string) (Proved, error) {
	return files.ReadRecord[Proved](ctx, s.files, "ended/"+shard)
}
