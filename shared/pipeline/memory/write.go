package memory

import (
	"context"

	"kodoferry/shared/ledger"
)

// Write writes the rows that w has packed as those of a shard to what a run comes to, and names their
// file; nil where there are none.
func (w *Writer) Write(ctx context.Context, to ledger.Results, shard string) (*ledger.Packed, error) {
	if w.Rows() == 0 {
		return nil, nil
	}
	data, sum := w.Finish()
	name, err := to.WritePacked(ctx, shard, data)
	return &ledger.Packed{Name: name, SHA256: sum, First: w.first, Last: w.key, Index: w.at}, err
}
