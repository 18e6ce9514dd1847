package plan

import (
	"cmp"
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// outcome is what would become of one key.
type outcome struct {
	fate     Fate // "" of what the run would not touch
	leftOut  bool // by the filter
	ledger   bool // it lies in the ledger: it is not counted
	key      string
	class    store.Class
	size     int64
	why      string
	asked    bool // a HEAD decided
	held     bool // the target has it, and the job chooses it
	others   bool // the target alone has it, and it is a copy, but not known to be the job's
	warnings []string
}

// outcome is what a run would do with a key that has these objects.
func (p *planner) outcome(ctx context.Context, s remembered) (outcome, error) {
	if s.Src == nil {
		return p.outcomeOfExtra(ctx, *s.Dst, s.last)
	}
	x := outcome{key: s.Src.Key, class: cmp.Or(s.Src.Class, store.Standard), size: s.Src.Size}
	if !p.rules.Match.Match(s.Src) {
		x.leftOut = true
		return x, nil
	}
	x.held = s.Dst != nil
	row, ask := p.rules.Compare(*s.Src, s.Dst, s.last)
	if ask {
		if err := p.rules.Ask(ctx, &row, s.last); err != nil {
			return x, err
		}
	}
	x.fate, x.why, x.asked = Fate(row.State), row.Reason, ask
	switch {
	case row.Need == ledger.NeedsProof:
		x.fate, x.why = ToProve, "the target held it before, of equal size: it is read there, and compared"
	case row.Need == ledger.NeedsAttributes:
		x.fate, x.why = ToUpdate, "the target has its bytes, and other attributes"
	case row.State == ledger.Pending && s.Src.Frozen:
		x.fate, x.why = ToCopy, "it is archived, and is restored first: within minutes, of deep archive within 12 hours"
	case row.State == ledger.Pending && row.Dst == nil:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target does not have it")
	case row.State == ledger.Pending:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target's object differs")
	case row.State == ledger.Unchanged && row.Prover != "":
		x.why = "an earlier run proved it, and both sides list what they did then"
	case row.State == ledger.Unchanged:
		x.why = cmp.Or(row.Reason, unchangedBy[row.Proof])
	}
	if x.fate == ToCopy && p.keeper != nil {
		x.warnings = p.keeper.Losses(p.rules.Copies().WithOrigin(*s.Src, *s.Src))
	}
	return x, nil
}

var unchangedBy = map[ledger.Proof]string{
	ledger.ByMD5:  "size and MD5 are equal",
	ledger.ByCRC:  "both are empty",
	ledger.ByKept: "the target carries the source's hash",
}

// outcomeOfExtra is what a run would do with an object that the target alone has: a
// mirror deletes it if it is the job's copy.
func (p *planner) outcomeOfExtra(ctx context.Context, o store.Object, last *memory.Row) (outcome, error) {
	x := outcome{key: o.Key, class: cmp.Or(o.Class, store.Standard), size: o.Size}
	if x.ledger = p.rules.InLedger(o.Key); x.ledger || !p.job.Delete || !p.rules.Match.MatchKey(o.Key) {
		return x, nil
	}
	kept, err := p.dst.Stat(ctx, o.Key)
	x.asked, x.held = true, true
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return x, nil
	case err != nil:
		return x, err
	case p.rules.Copies().WroteStill(kept, last):
		x.fate, x.why = ToDelete, "the source no longer has it, and it is this job's copy"
	default:
		x.others = kept.Origin != nil
	}
	return x, nil
}
