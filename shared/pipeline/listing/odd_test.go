package listing_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// oddKeys are up to most keys of characters that keys seldom have, in order, behind a
// beginning of theirs.
func oddKeys(r *rand.Rand, most int) keys {
	alphabets := [][]string{
		{"a", "b"}, {"\x00", "\x01", " ", "\x7f"}, {"0", "9", "/", "-"}, {"\xff", "\xc3", "a", "\x80"}, {"\ud7ff", "\ue000", "\ufffd", "\U0010ffff"},
		{"照", "片", "é", "😀", "z"}, {"%", "\"", "\\", "\n", "\u2028"},
	}
	beginnings := []string{"", "p/", "\x00", strings.Repeat("a", 740), "照片/", "\xff", "\U0010ffff", "12345678", "123456789012345"}
	begin, of := beginnings[r.IntN(len(beginnings))], alphabets[r.IntN(len(alphabets))]
	if r.IntN(3) == 0 {
		of = slices.Concat(of, alphabets[r.IntN(len(alphabets))])
	}
	var all keys
	for range 1 + r.IntN(most) {
		key := begin
		for range 1 + r.IntN(12) {
			key += of[r.IntN(len(of))]
		}
		all = append(all, key)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// covers fails unless the walk up to last and the stretches behind it have each key once.
func covers(t *testing.T, seed uint64, b keys, in store.Range, last string, left []listing.Stretch) {
	t.Helper()
	after := last
	for i, s := range left {
		if s.Range.Prefix != in.Prefix || s.Range.After != after || i == len(left)-1 && s.Range.UpTo != in.UpTo || i < len(left)-1 && s.Range.UpTo <= after {
			t.Fatalf("seed %d: behind %q, of %+v: the stretches are %+v", seed, last, in, left)
		}
		if i > 0 && !listing.IsBorder(after) {
			t.Fatalf("seed %d: a stretch begins behind %q, want a border", seed, after)
		}
		after = s.Range.UpTo
	}
	var got, want []string
	for _, s := range left {
		for o := range b.List(t.Context(), s.Range) {
			got = append(got, o.Key)
		}
	}
	for o := range b.List(t.Context(), store.Range{Prefix: in.Prefix, After: last, UpTo: in.UpTo}) {
		want = append(want, o.Key)
	}
	if len(left) == 0 || !slices.Equal(got, want) {
		t.Fatalf("seed %d: behind %q, of %+v: %d keys in %d stretches, want each of %d once and in order", seed, last, in, len(got), len(left), len(want))
	}
}

// TestWhatIsLeftOfOddKeysIsCutOnce has keys of any bytes, of which a walk has covered some
// when the cut begins, and some more when it has ended.
func TestWhatIsLeftOfOddKeysIsCutOnce(t *testing.T) {
	divided := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := bucket{keys: oddKeys(r, 1+r.IntN(1000))}
		in := store.Range{}
		if r.IntN(2) == 0 {
			in.UpTo = b.keys[r.IntN(len(b.keys))]
		}
		at := r.IntN(len(b.keys))
		e := listing.End{Range: in, Full: 1 + int64(r.IntN(15)), Chain: r.IntN(4) == 0}
		for _, k := range b.keys[:at+1] {
			if in.UpTo == "" || k < in.UpTo {
				e.Last = k
				e.Dense.Add(k)
			}
		}
		if !listing.IsBorder(e.Last) {
			continue
		}
		most := 1 + r.IntN(64)
		c := listing.BeginCut(t.Context(), b, e, most)
		whole := listing.Cut(t.Context(), b, e, most)
		covers(t, seed, b.keys, in, e.Last, whole)
		for on := r.IntN(20); on > 0; on-- {
			for o := range b.List(t.Context(), store.Range{After: e.Last, UpTo: in.UpTo}) {
				if listing.IsBorder(o.Key) && o.Key != in.UpTo {
					e.Last = o.Key
					e.Dense.Add(o.Key)
				}
				break
			}
		}
		left := c.Behind(e)
		c.Stop()
		covers(t, seed, b.keys, in, e.Last, left)
		if len(left) > most || len(whole) > most {
			t.Errorf("seed %d: %d and %d stretches, want %d at most", seed, len(whole), len(left), most)
		}
		if len(whole) > 1 {
			divided++
		}
	}
	if divided < 20 {
		t.Errorf("what is left is divided %d times, want it often", divided)
	}
}

// TestWhatIsCutAheadIsCoveredOnceWhereverTheWalkEnds ends the walk before, at and behind the
// end of the page that was listed ahead.
func TestWhatIsCutAheadIsCoveredOnceWhereverTheWalkEnds(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 1))
	var b bucket
	for len(b.keys) < 3000 {
		b.keys = append(b.keys, oddKeys(r, 600)...)
		slices.Sort(b.keys)
		b.keys = slices.Compact(b.keys)
	}
	for _, n := range []int{1, 500, 999, 1000, 1001, 1500, len(b.keys)} {
		ctx, cancel := context.WithCancel(t.Context())
		c := listing.Begin(ctx, b, store.Range{}).Cut(ctx, b, 100, 32)
		e := listing.End{Last: b.keys[n-1]}
		if left := c.Behind(e); left != nil && listing.IsBorder(e.Last) {
			covers(t, seed, b.keys, store.Range{}, e.Last, left)
		}
		c.Stop()
		cancel()
	}
}
