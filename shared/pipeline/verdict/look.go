package verdict

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/store"
)

// Look describes the target's object of key, as Target.Stat does, but for an Origin that is
// not its own: metadata travel with what is copied, restored, or written back by who has read
// it, and where the ledger has a record of the writing that they name, the object must be
// what that made. Without one, what was written when that writing had long come to pass is
// another's: an upload that rests has a record that tells. It asks nothing of the ledger where
// known, what the caller knows of objects of the key, has one of that writing: with other
// bytes it is not what that made, and when it was written the caller holds against that
// itself. One without an ETag is a writing of the caller's that was not answered.
func Look(ctx context.Context, r *Rules, key string, known ...*ledger.Dst) (store.Object, error) {
	kept, err := r.Target.Stat(ctx, key)
	if err != nil || kept.Origin == nil || kept.Origin.Mark == "" || !r.Copies().Wrote(kept) {
		return kept, err
	}
	past := mark.Past(kept.Origin.Mark, kept.Modified)
	for _, d := range known {
		if d != nil && sameMark(kept, *d) {
			if d.ETag != "" && (d.ETag != kept.Hash || past && !SameObject(*d, kept)) {
				kept.Origin = nil
			}
			return kept, nil
		}
	}
	row, err := recordOf(ctx, r, key, *kept.Origin)
	if err != nil {
		return store.Object{}, err
	}
	if row == nil && past || row != nil && remadeSince(*row, kept) {
		kept.Origin = nil
	}
	return kept, nil
}

// recordOf returns the row of the writing that o, the origin of the target's object of key,
// names; nil where the ledger has none.
func recordOf(ctx context.Context, r *Rules, key string, o store.Origin) (*ledger.Row, error) {
	if r.Writing == nil {
		return nil, nil
	}
	row, err := r.Writing(ctx, key, o) // the ledger has tried as often as it does
	if fault.KindOf(err) == fault.Denied {
		return nil, nil // such as a record that was archived: then the mark decides
	}
	if err != nil {
		return nil, fault.New(fault.KindOf(err), "verdict.Look", key, fault.Errorf("whether the job wrote what the target holds could not be read in the ledger: %w", err))
	}
	if row == nil || row.Dst == nil || row.Dst.Mark != o.Mark {
		return nil, nil
	}
	return row, nil
}

// remadeSince reports whether kept, the target's object, which has the mark of a row that has
// ended, is not what the row describes: somebody else wrote it.
func remadeSince(row ledger.Row, kept store.Object) bool {
	if row.Author == ledger.NotOurs { // as the run found out that has the row
		return true
	}
	if row.State.Wrote() && row.Verdict != ledger.Verified { // the row has when the target answered
		return row.Dst.ETag != kept.Hash || later(row.Dst.Modified, kept.Modified.Add(-moment))
	}
	return !SameObject(*row.Dst, kept)
}
