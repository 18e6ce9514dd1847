package ledger

import (
	"context"
	"encoding/json"

	"kodoferry/shared/fault"
)

// What the end of a cancelled run has come to is kept, so that whoever is cut
// off while he closes its books, or comes after, goes on where it stopped.

// EndShard creates the record of what a shard had come to that was not verified
// when its run was cancelled, `ended/<shard>`, and returns the one that stands.
// Rows that are not written off are counted as Pending.
func (r *Run) EndShard(ctx context.Context, p Proved) (Proved, error) {
	p.V = Version
	return createRecord(ctx, r, "ended/"+p.Shard, p)
}

// Ended reads what EndShard left. NotFound before.
func (r *Run) Ended(ctx context.Context, shard string) (Proved, error) {
	return readRecord[Proved](ctx, r, "ended/"+shard)
}

// aborted is `aborted.json`: which uploads of a cancelled run have been aborted.
// It is replaced in place; losing it costs asking for each upload once more.
type aborted struct {
	V     int    `json:"v"`
	Until string `json:"until"` // the last batch, in their order
}

// NoteAborted notes that the uploads up to that batch have been aborted.
func (r *Run) NoteAborted(ctx context.Context, batch string) error {
	data, err := json.Marshal(aborted{Version, batch})
	if err != nil {
		return fault.New(fault.Invalid, "ledger.NoteAborted", batch, err)
	}
	return r.write(ctx, "aborted.json", data)
}

// AbortedUntil reads what NoteAborted wrote last, "" before.
func (r *Run) AbortedUntil(ctx context.Context) (batch string, err error) {
	a, err := readRecord[aborted](ctx, r, "aborted.json")
	if Missing(err) {
		err = nil
	}
	return a.Until, err
}
