package upload

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
)

// aborted is `aborted.json`: which uploads of a cancelled run have been aborted.
// It is replaced in place; losing it costs asking for each upload once more.
type aborted struct {
	V     int    `json:"v"`
	Until string `json:"until"` // the last batch, in their order
}

// WriteAborted notes that the uploads up to that batch have been aborted.
func WriteAborted(ctx context.Context, r *ledger.Run, batch string) error {
	return files.WriteRecord(ctx, r.Folder(), "aborted.json", aborted{ledger.Version, batch})
}

// ReadAborted reads what WriteAborted wrote last, "" before.
func ReadAborted(ctx context.Context, r *ledger.Run) (batch string, err error) {
	a, err := files.ReadRecord[aborted](ctx, r.Folder(), "aborted.json")
	if ledger.Missing(err) {
		err = nil
	}
	return a.Until, err
}
