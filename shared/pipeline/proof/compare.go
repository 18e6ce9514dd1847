package proof

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// compare decides a copied or unchanged row by dst, which the target lists, nil if
// nothing: equal ETags mean equal content. Where they differ, one HEAD tells who wrote
// the target's object. The error is trouble with the target.
func (s *Shard) compare(ctx context.Context, row *ledger.Row, dst *store.Object) error {
	switch {
	case dst == nil:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
		return nil
	case dst.Size == row.Src.Size && row.Dst != nil && dst.Hash == row.Dst.ETag:
		row.Verdict = ledger.Verified
		row.Dst.Modified = dst.Modified
		return nil
	}
	kept, err := s.Target.Stat(ctx, row.Key())
	switch {
	case ledger.Missing(err):
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
	case err != nil && s.Asker.Alone(ctx, row.Key(), err):
		row.State, row.Proof = ledger.Failed, ""
		row.Explain(fault.Errorf("the target's object could not be looked at, so its copy is not proved: %w", err))
	case err != nil:
		return err
	case verdict.Carries(kept, row.Src):
		row.Verdict = ledger.Verified
		row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	case s.Rules.Foreign(kept):
		row.State, row.Proof = ledger.Conflict, ""
		row.Because("", "someone else wrote it in the target after it was copied; it was left alone")
		row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	default:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target holds the copy of another version of it; run again")
	}
	return nil
}
