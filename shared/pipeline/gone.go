package pipeline

import (
	"context"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// before reports whether the source's object was written before the run began, or
// it is not known when.
func (r *run) before(o store.Object) bool { return o.Modified.Before(r.start.At) }

// manyGone is how many objects of a shard that are listed no more are looked at
// one by one; of what is more, as where a prefix was deleted, one in so many is.
const manyGone = 100

// stillThere looks whether an object that verification's listing does not show is
// gone indeed: one HEAD, for up to manyGone of a shard and one in manyGone of the
// others. It returns what the source has, nil if it has nothing or does not tell.
func (v *verifier) stillThere(ctx context.Context, row ledger.Row) *store.Object {
	v.gone++
	if len(v.run.start.Keys) > 0 || v.gone > manyGone && v.gone%manyGone != 0 {
		return nil
	}
	now, err := store.Retry(ctx, store.Pauses(), "pipeline.verify", row.Key(), func() (store.Object, error) { return v.run.src.Stat(ctx, row.Key()) })
	if err != nil {
		return nil
	}
	if verdict.SameVersion(row.Src, now) {
		v.counts.Unlisted++
	}
	return &now
}
