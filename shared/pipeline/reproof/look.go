package reproof

import (
	"context"
	"fmt"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// byETag is the evidence of a HEAD that describes what the row has, where no CRC64 is known.
const byETag ledger.Proof = "etag"

// listed is what both listings tell of a row. What the run proved stands where both
// list what they listed then.
func (s *Piece) listed(row ledger.Row, src, dst *store.Object) outcome {
	o := outcome{row: row}
	changed := src != nil && !sameSource(row.Src, *src)
	switch {
	case dst == nil:
		o.finding, o.why = ledger.Lost, "the target no longer has it"
	case dst.Size == row.Dst.Size && dst.Hash == row.Dst.ETag && src == nil:
		o.finding, o.why = ledger.Vanish, "it was deleted at the source since the run; the target has its copy as it was proved"
	case dst.Size == row.Dst.Size && dst.Hash == row.Dst.ETag && !changed:
		o.finding, o.by = ledger.Holds, row.Proof
	case changed:
		o.finding, o.why = ledger.SourceChanged, "the source has another version since the run"
	default:
		o.finding, o.why = ledger.Differs, fmt.Sprintf("the target lists %d bytes with the ETag %s, the run proved %d with %s", dst.Size, dst.Hash, row.Dst.Size, row.Dst.ETag)
	}
	return o
}

// head is what one HEAD of the target tells of a row.
func (s *Piece) head(ctx context.Context, row ledger.Row) (outcome, error) {
	kept, err := store.Retry(ctx, store.Pauses(), "reproof.head", row.Key(), func() (store.Object, error) { return verdict.Look(ctx, s.Rules, row.Key(), row.Dst) })
	if err != nil {
		return s.unseen(ctx, row, err)
	}
	o := outcome{row: row}
	crcs := kept.CRC64 != "" && row.Dst.CRC64 != ""
	keeps := kept.Origin == nil || kept.Origin.Hash == "" || row.Src.Hash == "" || kept.Origin.Hash == row.Src.Hash
	switch {
	case !keeps && kept.Hash != row.Dst.ETag && s.Rules.Copies().Wrote(kept):
		o.finding, o.why = ledger.SourceChanged, "the target holds the copy of another version, which a later run made"
	case !keeps:
		o.finding, o.why = ledger.Differs, fmt.Sprintf("the target's object carries the source hash %s, the run proved %s", kept.Origin.Hash, row.Src.Hash)
	case crcs && kept.CRC64 != row.Dst.CRC64:
		o.finding, o.why = ledger.Differs, fmt.Sprintf("the target's CRC64 is %s, the run proved %s", kept.CRC64, row.Dst.CRC64)
	case kept.Size != row.Dst.Size || kept.Hash != row.Dst.ETag:
		o.finding, o.why = ledger.Differs, fmt.Sprintf("the target has %d bytes with the ETag %s, the run proved %d with %s", kept.Size, kept.Hash, row.Dst.Size, row.Dst.ETag)
	case crcs:
		o.finding, o.by = ledger.Holds, ledger.ByCRC
	default:
		o.finding, o.by = ledger.Holds, byETag
	}
	return o, nil
}

// unseen is the outcome of an object that the target does not show; the error is trouble
// with the target.
func (s *Piece) unseen(ctx context.Context, row ledger.Row, err error) (outcome, error) {
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return outcome{row: row, finding: ledger.Lost, why: "the target no longer has it"}, nil
	case ctx.Err() == nil && s.Asker.Alone(ctx, row.Key(), err):
		return outcome{row: row, finding: ledger.Unproved, why: "the target's object could not be looked at: " + fault.Sentence(err)}, nil
	}
	return outcome{row: row}, err
}
