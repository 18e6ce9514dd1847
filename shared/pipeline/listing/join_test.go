package listing_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// breaking lists keys, and fails behind the first n of them; n below 0: it does not.
func breaking(name string, keys []string, n int) listing.Lister {
	return func(after string) iter.Seq2[store.Object, error] {
		return func(yield func(store.Object, error) bool) {
			for i, k := range keys {
				if i == n {
					yield(store.Object{}, errors.New(name))
					return
				}
				if (k > after || after == "") && !yield(store.Object{Key: k}, nil) {
					return
				}
			}
			if n == len(keys) {
				yield(store.Object{}, errors.New(name))
			}
		}
	}
}

// TestJoinIsTheUnionOfBothSidesInOrderUpToTheFirstError holds it against keys that are sorted,
// where the source fails at any place, and the walk ends at any place.
func TestJoinIsTheUnionOfBothSidesInOrderUpToTheFirstError(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 1))
	some := func() (keys []string) {
		for _, k := range []string{"", "a", "b", "b/", "c", "d", "é"} {
			if r.IntN(2) == 0 {
				keys = append(keys, k)
			}
		}
		return keys
	}
	for range 20_000 {
		src, dst, extras, most := some(), some(), r.IntN(2) == 0, r.IntN(15)
		fails, failed, from, sees := r.IntN(2*len(src)+2)-len(src)-1, "", "", src
		if fails >= 0 { // behind which key neither is known any more
			failed, from, sees = "src", append([]string{""}, src...)[fails], src[:fails]
		}
		var want []string
		for _, k := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(sees), dst...)))) {
			inSrc, inDst := slices.Contains(sees, k), slices.Contains(dst, k)
			if inSrc || extras && inDst && (failed == "" || fails > 0 && k <= from) {
				want = append(want, fmt.Sprintf("%q %v %v", k, inSrc, inDst))
			}
		}
		if failed != "" {
			want = append(want, failed)
		}
		var got []string
		for p, err := range listing.Join(breaking("src", src, fails), breaking("", dst, -1), extras) {
			if err != nil {
				got = append(got, err.Error())
			} else {
				got = append(got, fmt.Sprintf("%q %v %v", p.Key(), p.Src != nil, p.Dst != nil))
			}
			if len(got) == most {
				break
			}
		}
		if most > 0 && most < len(want) {
			want = want[:most]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: of %q, which fails at %d, and %q, extras %v, up to %d: %q, want %q", seed, src, fails, dst, extras, most, got, want)
		}
	}
}

// TestAFailureOfTheTargetEndsAJoin has the target fail behind its first keys: nothing of the
// source is yielded as one that the target lacks though it may have it.
func TestAFailureOfTheTargetEndsAJoin(t *testing.T) {
	src, dst := []string{"a", "b", "c", "e"}, []string{"a", "b", "d"}
	for fails := range len(dst) + 1 {
		for _, extras := range []bool{false, true} {
			var got []string
			failed := false
			for p, err := range listing.Join(breaking("src", src, -1), breaking("dst", dst, fails), extras) {
				if failed = err != nil; failed {
					break
				}
				got = append(got, p.Key())
				if p.Src != nil && (p.Dst != nil) != slices.Contains(dst, p.Key()) {
					t.Errorf("failing at %d, %q is yielded as one that the target has: %v", fails, p.Key(), p.Dst != nil)
				}
			}
			if !failed || fails < len(dst) && slices.Contains(got, dst[fails]) && !slices.Contains(src, dst[fails]) || fails < 2 && len(got) > fails {
				t.Errorf("failing at %d, extras %v: %q, failed: %v, want the failure behind what was listed before", fails, extras, got, failed)
			}
		}
	}
}
