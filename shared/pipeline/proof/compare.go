package proof

import (
	"cmp"
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// compare decides the row of an object that the target is to hold. f.dst is what the target
// lists under its key, nil if nothing: equal ETags mean equal content. Where they differ, one
// HEAD and what is known of the key tell who wrote the target's object. The error is trouble
// with the target.
func (p *prover) compare(ctx context.Context, row *ledger.Row, f fact) error {
	s, dst := p.shard, f.dst
	switch {
	case dst == nil:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
		return nil
	case dst.Size == row.Src.Size && row.Dst != nil && dst.Hash == row.Dst.ETag:
		if err := s.see(ctx, row, *dst); err != nil {
			return err
		}
		if row.State.Holds() {
			row.Verdict = ledger.Verified
		}
		return nil
	}
	own, err := p.lastOf(ctx, f.row, nil)
	if err != nil {
		return err
	}
	own = cmp.Or(own, f.known())
	kept, err := verdict.Look(ctx, s.Rules, row.Key(), row.Dst, memory.DstOf(own))
	author, carries := s.Rules.Copies().CarriesStill(kept, row.Src, own)
	switch {
	case ledger.Missing(err):
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
	case err != nil && s.Asker.Alone(ctx, row.Key(), err):
		row.State, row.Proof = ledger.Failed, ""
		row.Explain(fault.Errorf("the target's object could not be looked at, so its copy is not proved: %w", err))
	case err != nil:
		return err
	case carries:
		if !row.State.Holds() { // the object was present, and is the job's copy now
			row.State = ledger.Unchanged
			row.Because("", "")
		}
		if row.Dst == nil || kept.Hash != row.Dst.ETag { // other bytes than were proved
			row.Proof, row.Prover = ledger.ByKept, ""
		}
		row.Verdict, row.Author = ledger.Verified, author
		row.Dst = dstOf(kept)
	case author == ledger.NotOurs, !s.Rules.Copies().Wrote(kept):
		if author == ledger.NotOurs {
			row.Author = author
		}
		row.State, row.Proof = ledger.Conflict, ""
		row.Because("", "someone else wrote it in the target after it was copied; it was left alone")
		row.Dst = dstOf(kept)
	default:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target holds the copy of another version of it; run again")
	}
	return nil
}

// dstOf is the target's object as a HEAD describes it.
func dstOf(kept store.Object) *ledger.Dst {
	d := verdict.DstOf(kept)
	d.CRC64 = kept.CRC64
	return &d
}

// see takes into a row what the target lists of its object, which has the row's ETag. Where
// that was written at another time than the row says, one HEAD tells whether the job wrote
// it once more. Where it is not answered, or of another object by now, the row keeps its
// time, so that a later run asks who wrote the other. The error is trouble with the target.
func (s *Shard) see(ctx context.Context, row *ledger.Row, dst store.Object) error {
	if !verdict.Overwritten(*row, dst.Modified) {
		at := *row.Dst
		at.Modified = dst.Modified
		row.Dst = &at
		return nil
	}
	kept, err := verdict.Look(ctx, s.Rules, row.Key(), row.Dst)
	switch {
	case err == nil && kept.Hash == dst.Hash:
		s.Rules.Seen(row, kept)
	case err != nil && !ledger.Missing(err) && !s.Asker.Alone(ctx, row.Key(), err):
		return err
	}
	return nil
}
