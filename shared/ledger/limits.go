package ledger

import (
	"context"
	"encoding/json"
	"time"

	"kodoferry/shared/ledger/files"
)

// limits is `limits.json`.
type limits struct {
	V      int             `json:"v"`
	Limits json.RawMessage `json:"limits"`
	At     time.Time       `json:"at"`
}

// WriteLimits replaces `limits.json`, the one file of a run that is changed in
// place: it steers those at work and no record depends on it. Of two writers
// the later one wins.
func (s Steering) WriteLimits(ctx context.Context, l json.RawMessage, at time.Time) error {
	return files.WriteRecord(ctx, s.run.files, "limits.json", limits{Version, l, at.UTC()})
}

// ReadLimits reads what WriteLimits wrote last. NotFound where those of the
// run's frozen job hold.
func (s Steering) ReadLimits(ctx context.Context) (json.RawMessage, error) {
	l, err := files.ReadRecord[limits](ctx, s.run.files, "limits.json")
	return l.Limits, err
}
