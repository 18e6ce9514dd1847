package progress

import (
	"context"
	"encoding/json"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// stallTime is how a stall's note writes since when, as precise as a store
// dates what it lists.
const stallTime = "20060102T150405.000Z"

// CreateStalled notes that the run has made no progress since then, and reports whether
// that was not noted before: `stalled/<since>`. A run that goes on has newer
// records than its last note, and is stalled no more.
func CreateStalled(ctx context.Context, r *ledger.Run, since, at time.Time) (first bool, err error) {
	data, err := json.Marshal(struct {
		V  int       `json:"v"`
		At time.Time `json:"at"`
		By string    `json:"by"` // tells one writer from another
	}{ledger.Version, at.UTC(), ledger.Nonce()})
	if err != nil {
		return false, fault.New(fault.Invalid, "ledger.CreateStalled", r.Name, err)
	}
	_, first, err = r.Folder().Create(ctx, "stalled/"+since.UTC().Format(stallTime), data)
	return first, err
}

// StalledNote tells since when the run had made no progress when it was last found
// stalled, zero where it never was: by one listing.
func StalledNote(ctx context.Context, r *ledger.Run) (since time.Time, err error) {
	err = r.Folder().Names(ctx, "stalled/", func(name string) {
		if at, err := time.Parse(stallTime, name[len("stalled/"):]); err == nil {
			since = at
		}
	})
	return since, err
}

// thawing is where a process notes that objects are being restored.
const thawing = "thawing/"

// WriteThawing notes that a run waits for objects that are being restored: it makes
// progress though no record tells.
func WriteThawing(ctx context.Context, r *ledger.Run) error {
	return r.Folder().WriteBrief(ctx, thawing+"now", []byte("{}"))
}

// NewestUnwalked tells when the newest was written of what a walk does not read, by the
// store's clock: the records of big objects' uploads, and the notes of objects that are being
// restored.
func NewestUnwalked(ctx context.Context, r *ledger.Run) (newest time.Time, err error) {
	for _, prefix := range []string{"uploads/", "parts/", thawing} {
		err = r.Folder().List(ctx, store.Range{Prefix: prefix}, func(_ string, o store.Object) { newest = later(newest, o.Modified) })
		if err != nil {
			return newest, err
		}
	}
	return newest, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
