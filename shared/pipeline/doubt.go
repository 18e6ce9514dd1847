package pipeline

import (
	"context"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// besideTime bounds how long beside lists.
const besideTime = 20 * time.Second

// beside returns the first names, at most, that the source has where nothing lies
// below its prefix: beside that, or at the nearest levels above. That is a listing of
// one page a name, at most eight in all. What is not found in time is left out.
func (r *run) beside(ctx context.Context, most int) []string {
	ctx, cancel := context.WithTimeout(ctx, besideTime)
	defer cancel()
	for _, level := range levels(r.job.Source.Prefix) {
		if names := r.names(ctx, level, most); len(names) > 0 {
			return names
		}
	}
	return nil
}

// levels are where to look for what lies beside prefix: the two levels above its
// last part, and the whole bucket.
func levels(prefix string) []string {
	var up []string
	for rest := prefix; len(up) < 2 && rest != ""; {
		rest = rest[:strings.LastIndex(strings.TrimSuffix(rest, "/"), "/")+1]
		if rest != "" {
			up = append(up, rest)
		}
	}
	return append(up, "")
}

// names are the first names below level, most of them, up to the next slash of each.
func (r *run) names(ctx context.Context, level string, most int) (names []string) {
	for after := ""; len(names) < most; {
		key := r.firstKey(ctx, store.Range{Prefix: level, After: after})
		if key == "" {
			break
		}
		name, after2 := key, key
		if i := strings.Index(key[len(level):], "/"); i >= 0 {
			name = key[:len(level)+i+1]
			after2 = before(key[:len(level)+i] + "0") // which follows all that lies below name
		}
		names, after = append(names, name), after2
	}
	return names
}

// firstKey is the first key that the source lists in a range, "" if it lists none.
func (r *run) firstKey(ctx context.Context, in store.Range) string {
	for o, err := range r.src.List(ctx, in) {
		if err != nil {
			return ""
		}
		return o.Key
	}
	return ""
}

// unlistedReason is of an object that was to be deleted from the target because the
// source had not listed it.
const unlistedReason = "the source has it, and had it when the run began: its listing did not show it"

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
	if len(v.start.Keys) > 0 || v.gone > manyGone && v.gone%manyGone != 0 {
		return nil
	}
	now, err := store.Retry(ctx, store.Pauses(), "pipeline.verify", row.Key(), func() (store.Object, error) { return v.src.Stat(ctx, row.Key()) })
	if err != nil {
		return nil
	}
	if verdict.SameVersion(row.Src, now) {
		v.counts.Unlisted++
	}
	return &now
}
