package plan

import (
	"cmp"
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
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
func (p *planner) outcome(ctx context.Context, s listing.Pair) (outcome, error) {
	if s.Src == nil {
		return p.outcomeOfExtra(ctx, *s.Dst)
	}
	x := outcome{key: s.Src.Key, class: cmp.Or(s.Src.Class, store.Standard), size: s.Src.Size}
	if !p.rules.Match.Match(*s.Src) {
		x.leftOut = true
		return x, nil
	}
	x.held = s.Dst != nil
	row, err := p.rules.Decide(ctx, *s.Src, s.Dst)
	if err != nil {
		return x, err
	}
	x.fate, x.why = Fate(row.State), row.Reason
	x.asked = row.Dst != nil && row.Proof != ledger.ByMD5 && row.Proof != ledger.ByTime && p.job.Overwrite != job.OverwriteAlways
	switch {
	case row.State == ledger.Pending && row.Dst == nil:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target does not have it")
	case row.State == ledger.Pending:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target's object differs")
	case row.State == ledger.Unchanged:
		x.why = cmp.Or(row.Reason, unchangedBy[row.Proof])
	}
	if x.fate == ToCopy && p.keeper != nil {
		o := *s.Src
		o.Origin = p.rules.Origin(o)
		x.warnings = p.keeper.Losses(o)
	}
	return x, nil
}

var unchangedBy = map[ledger.Proof]string{
	ledger.ByMD5:  "size and MD5 are equal",
	ledger.ByTime: "the sizes are equal and the target was written later",
	ledger.ByKept: "the target carries the source's hash",
}

// outcomeOfExtra is what a run would do with an object that the target alone has: a
// mirror deletes it if it is the job's copy.
func (p *planner) outcomeOfExtra(ctx context.Context, o store.Object) (outcome, error) {
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
	case p.rules.Wrote(kept):
		x.fate, x.why = ToDelete, "the source no longer has it, and it is this job's copy"
	default:
		x.others = kept.Origin != nil
	}
	return x, nil
}
