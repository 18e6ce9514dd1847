package proof

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// manyGone is up to how many objects of a shard that are listed no more the source is
// asked for each; of those beyond, as where a prefix was deleted, for one in so many.
const manyGone = 100

// stillThere asks the source for the object of a row that its listing does not show,
// by one HEAD, for as many as manyGone says. It returns what the source has, nil if it
// has nothing, does not tell, or is not asked.
func (p *prover) stillThere(ctx context.Context, row ledger.Row) *store.Object {
	p.gone++
	if p.shard.Named || p.gone > manyGone && p.gone%manyGone != 0 {
		return nil
	}
	now, err := store.Retry(ctx, store.Pauses(), "pipeline.verify", row.Key(), func() (store.Object, error) { return p.shard.Source.Stat(ctx, row.Key()) })
	if err != nil {
		return nil
	}
	if verdict.SameVersion(row.Src, now) {
		p.proof.Counts.Unlisted++
	}
	return &now
}

// vanished returns the cause and the reason of a row whose object the source does not
// have any more.
func vanished(row ledger.Row) (ledger.Cause, string) {
	if row.State.Holds() || row.State == ledger.Present {
		return ledger.VanishedLate, "it was deleted at the source during the run; the target keeps its copy"
	}
	return ledger.Vanished, "it was deleted at the source during the run"
}
