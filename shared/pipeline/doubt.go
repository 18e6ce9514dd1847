package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// doubt says in the report why the run is not verified though its books balance:
// there was nothing to copy, which is most likely a mistake, or the source has
// what its listings did not show.
func (r *run) doubt(ctx context.Context, rep *Report) {
	var why []string
	if rep.Objects.Listed == 0 && rep.Stretches() == 0 && !r.job.AllowEmpty {
		why = append(why, r.nothing(ctx, rep.Objects.Excluded)+mayBeEmpty)
	}
	if rep.Unlisted > 0 {
		why = append(why, rep.missed())
	}
	if rep.Absent > 0 {
		why = append(why, r.notThere(rep))
	}
	if len(why) > 0 {
		rep.Result, rep.Reason = ResultIncomplete, strings.Join(why, ". ")
	}
}

const mayBeEmpty = "; if that is meant, --allow-empty says so (in a job, allowEmpty: true)"

// nothing says that there is nothing to copy, and what the source has instead.
// excluded objects were listed and not chosen.
func (r *run) nothing(ctx context.Context, excluded int64) string {
	below := ""
	if r.job.Source.Prefix != "" {
		below = " below " + legible(r.job.Source.Prefix)
	}
	if excluded > 0 {
		return fmt.Sprintf("the job's filter chose none of the %s that were listed%s; see what it lets in (ferry plan)", things(excluded, "one object", "%s objects"), below)
	}
	switch there := r.instead(ctx); {
	case there != "":
		return fmt.Sprintf("nothing was listed%s; there are %s", below, there)
	case below != "":
		return fmt.Sprintf("nothing was listed%s", below)
	}
	return fmt.Sprintf("nothing was listed: the bucket %s is empty", r.job.Source.Bucket)
}

const (
	// neighbours is how many names are told in place of a prefix that has none.
	neighbours = 5
	// neighbourTime bounds the looking for them.
	neighbourTime = 20 * time.Second
)

// instead names what the source has where nothing lies below its prefix: the first
// names beside it, or at the nearest levels above. That is a listing of one page a
// name, at most eight in all. "" if nothing is found in time.
func (r *run) instead(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, neighbourTime)
	defer cancel()
	for _, level := range levels(r.job.Source.Prefix) {
		if names := r.names(ctx, level); len(names) > 0 {
			return strings.Join(names, ", ")
		}
	}
	return ""
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

// names are the first names below level, up to the next slash of each, and "…"
// where there are more.
func (r *run) names(ctx context.Context, level string) (names []string) {
	for after := ""; ; {
		key := r.firstKey(ctx, store.Range{Prefix: level, After: after})
		switch {
		case key == "":
			return names
		case len(names) == neighbours:
			return append(names, "…")
		}
		name, after2 := key, key
		if i := strings.Index(key[len(level):], "/"); i >= 0 {
			name = key[:len(level)+i+1]
			after2 = before(key[:len(level)+i] + "0") // which follows all that lies below name
		}
		names, after = append(names, legible(name)), after2
	}
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

// legible is a key as it is where that can be read in a sentence, else quoted.
func legible(key string) string {
	odd := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`",;`, r)
	}
	if key == "" || strings.ContainsFunc(key, odd) {
		return strconv.Quote(key)
	}
	return key
}

// missed says that the source's listings are not to be relied on.
func (rep *Report) missed() string {
	return things(rep.Unlisted, "one object was at the source all the time, and one of its listings did not show it", "%s objects were at the source all the time, and one of its listings did not show them") +
		": what else it left out is not known; run again, and if it stays so ask the source's support"
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
	if sameVersion(row.Src, now) {
		v.counts.Unlisted++
	}
	return &now
}

// EndedEarly says how often the source ended its listing early; "" if it never did.
func (rep Report) EndedEarly() string {
	n := rep.Behind
	if n == 0 {
		return ""
	}
	return things(n, "the source ended its listing early once", "the source ended its listing early %s times") + "; what was behind was listed"
}
