package listing_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// keys is a bucket with these keys, in order.
type keys []string

func (b keys) List(_ context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, k := range b {
			if strings.HasPrefix(k, r.Prefix) && k > r.After && (r.UpTo == "" || k <= r.UpTo) && !yield(store.Object{Key: k, Size: 1}, nil) {
				return
			}
		}
	}
}

type bucket struct {
	store.Source
	keys
}

func (b bucket) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return b.keys.List(ctx, r)
}

func (b bucket) Stat(_ context.Context, key string) (store.Object, error) {
	if !slices.Contains(b.keys, key) {
		return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
	}
	return store.Object{Key: key, Size: 1}, nil
}

func TestJoinYieldsEachKeyOnceWithBothSides(t *testing.T) {
	all := store.Range{}
	src, dst := bucket{keys: keys{"a", "b", "d"}}, bucket{keys: keys{"b", "c", "d", "e"}}
	for extras, want := range map[bool]string{true: "a:s b:sd c:d d:sd e:d", false: "a:s b:sd d:sd"} {
		var got []string
		for p, err := range listing.Join(listing.From(t.Context(), src, all), listing.From(t.Context(), dst, all), extras) {
			if err != nil {
				t.Fatal(err)
			}
			sides := ""
			if p.Src != nil {
				sides += "s"
			}
			if p.Dst != nil {
				sides += "d"
			}
			got = append(got, p.Key()+":"+sides)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("extras %v: %s, want %s", extras, s, want)
		}
	}
}

// TestRangesOfARestCoverItOnce splits what is left of 10,000 keys.
func TestRangesOfARestCoverItOnce(t *testing.T) {
	var b bucket
	for i := range 10_000 {
		b.keys = append(b.keys, "photos/"+strconv.Itoa(100_000+i*7)+".jpg")
	}
	const listed = 1000
	var d listing.Density
	for _, k := range b.keys[:listed] {
		d.Add(k)
	}
	rest := listing.Rest{Range: store.Range{Prefix: "photos/", After: b.keys[listed-1]}, Full: 1000}
	rest.From, rest.Keys = d.Sample()
	parts := listing.Split(t.Context(), b, rest, 8)
	if len(parts) < 4 || len(parts) > 8 {
		t.Errorf("%d ranges, want 4 to 8 of 9,000 keys, 1,000 of which fill one", len(parts))
	}
	got := slices.Clone(b.keys[:listed])
	for i, r := range parts {
		if i > 0 && r.After != parts[i-1].UpTo || !slices.Contains(b.keys, r.After) {
			t.Errorf("range %d begins behind %q, want a key, the end of the one before", i, r.After)
		}
		for o := range b.List(t.Context(), r) {
			got = append(got, o.Key)
		}
	}
	if !slices.Equal(got, []string(b.keys)) {
		t.Errorf("the ranges have %d keys, want each of %d once and in order", len(got), len(b.keys))
	}
}

// slow is a bucket that takes a second for each page, by the clock of a bubble.
type slow struct {
	store.Source
	keys   []string
	probes *atomic.Int64
}

func (b slow) List(_ context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		b.probes.Add(1)
		time.Sleep(time.Second)
		i, _ := slices.BinarySearch(b.keys, max(r.After, r.Prefix))
		for _, k := range b.keys[i:] {
			if r.UpTo != "" && k > r.UpTo || !strings.HasPrefix(k, r.Prefix) {
				return
			}
			if k != r.After && !yield(store.Object{Key: k}, nil) {
				return
			}
		}
	}
}

// TestTheRestOfAFirstPageIsCutIntoManyAtOnce looks at 200,000 keys of which the first
// thousand are listed: the others are cut within the time of three requests.
func TestTheRestOfAFirstPageIsCutIntoManyAtOnce(t *testing.T) {
	scripts := []string{"照片", "фото", "φωτο", "写真", "تصاویر", "photo", "😀"}
	for name, tc := range map[string]struct {
		least int // ranges
		fair  int // times what each would have that shared all keys alike: the most that one has
		key   func(r *rand.Rand, i int) string
	}{
		"counted, in folders": {32, 2, func(r *rand.Rand, i int) string {
			return fmt.Sprintf("00/%02d/%05d-%06x.bin", i/2000, i%2000, r.Uint32()>>8)
		}},
		"counted, in large folders": {32, 2, func(r *rand.Rand, i int) string {
			return fmt.Sprintf("00/%02d/%05d-%06x.bin", i/20_000, i%20_000, r.Uint32()>>8)
		}},
		"numbers of no width": {32, 4, func(_ *rand.Rand, i int) string { return fmt.Sprintf("img%d.jpg", i) }},
		"hex":                 {32, 2, func(r *rand.Rand, _ int) string { return fmt.Sprintf("%016x", r.Uint64()) }},
		"dates": {28, 4, func(r *rand.Rand, i int) string {
			return fmt.Sprintf("%d/%02d/%02d/IMG_%04d.jpg", 2015+i%10, 1+r.IntN(12), 1+r.IntN(28), r.IntN(1e4))
		}},
		"a long common beginning": {28, 2, func(r *rand.Rand, _ int) string {
			return strings.Repeat("深/ab", 25) + fmt.Sprint(100_000_000+r.IntN(9e8))
		}},
		"several scripts": {16, 5, func(r *rand.Rand, i int) string { return scripts[i%len(scripts)] + "/" + fmt.Sprint(r.IntN(1e7)) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			keys := make([]string, 200_000)
			for i := range keys {
				keys[i] = tc.key(r, i)
			}
			slices.Sort(keys)
			keys = slices.Compact(keys)
			synctest.Test(t, func(t *testing.T) {
				b := slow{keys: keys, probes: &atomic.Int64{}}
				var d listing.Density
				for _, k := range keys[:1000] {
					d.Add(k)
				}
				rest := listing.Rest{Range: store.Range{After: keys[999]}, Full: 2000}
				rest.From, rest.Keys = d.Sample()
				begun := time.Now()
				parts := listing.Split(t.Context(), b, rest, 32)
				took, probes, most, sum := time.Since(begun)/time.Second, b.probes.Load(), 0, 0
				for i, r := range parts {
					if i == 0 && r.After != keys[999] || i > 0 && r.After != parts[i-1].UpTo {
						t.Fatalf("range %d begins behind %q, want the end of the one before", i, r.After)
					}
					n := 0
					for range b.List(t.Context(), r) {
						n++
					}
					most, sum = max(most, n), sum+n
				}
				t.Logf("%d ranges by %d probes in the time of %d; the heaviest has %d of %d keys", len(parts), probes, took, most, sum)
				if len(parts) < tc.least || len(parts) > 32 || sum != len(keys)-1000 || most > tc.fair*sum/32 {
					t.Errorf("%d ranges of %d keys, the heaviest of %d, want %d to 32 of %d, none of over %d 32nds", len(parts), sum, most, tc.least, len(keys)-1000, tc.fair)
				}
				if took > 3 || probes > 120 {
					t.Errorf("it took %d probes in the time of %d, want at most 120 in that of 3", probes, took)
				}
			})
		})
	}
}

func TestANamedKeyThatTheSourceLacksIsYieldedAsAbsent(t *testing.T) {
	n := &listing.Named{Source: bucket{keys: keys{"a", "c"}}, Keys: []listing.Keys{
		{First: "a", Last: "b", Read: func(context.Context) ([]string, error) { return []string{"a", "b"}, nil }},
		{First: "c", Last: "d", Read: func(context.Context) ([]string, error) { return []string{"c", "d"}, nil }},
	}}
	var got []string
	for o, err := range n.List(t.Context(), store.Range{After: "a", UpTo: "c"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key+strconv.FormatBool(o.Absent()))
	}
	if want := []string{"btrue", "cfalse"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAListOfKeysIsSplitIntoEqualRangesByItselfAlone has a source that would panic if asked.
func TestAListOfKeysIsSplitIntoEqualRangesByItselfAlone(t *testing.T) {
	const each, parts = 100, 6
	n, reads, all := &listing.Named{}, 0, keys{}
	for p := range parts {
		var part []string
		for k := range each {
			part = append(part, fmt.Sprintf("k/%d/%02d", p, k))
		}
		n.Keys = append(n.Keys, listing.Keys{First: part[0], Last: part[each-1], Count: each, Read: func(context.Context) ([]string, error) {
			reads++
			return part, nil
		}})
		all = append(all, part...)
	}
	for name, tc := range map[string]struct {
		after, upTo string
		full        int64
		most        int
		want        []int // keys in each range
		reads       int
	}{
		"as many ranges as may be":         {"k/0/49", "", 10, 5, []int{110, 110, 110, 110, 110}, 5},
		"no more than there are shards":    {"k/0/49", "", 300, 5, []int{275, 275}, 2},
		"one shard is left":                {"k/0/49", "", 550, 5, []int{550}, 1},
		"one range may be":                 {"k/0/49", "", 10, 1, []int{550}, 1},
		"an end within a part of the list": {"k/0/99", "k/2/49", 50, 3, []int{50, 50, 50}, 2},
		"nothing is left":                  {"k/5/99", "", 10, 5, []int{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			reads = 0
			ranges := listing.Split(t.Context(), n, listing.Rest{Range: store.Range{After: tc.after, UpTo: tc.upTo}, Full: tc.full}, tc.most)
			if reads != tc.reads {
				t.Errorf("%d parts of the list were read, want %d", reads, tc.reads)
			}
			var got []int
			after := tc.after
			for _, r := range ranges {
				if r.After != after {
					t.Errorf("a range begins behind %q, want %q, where the one before ends", r.After, after)
				}
				after = r.UpTo
				has := 0
				for range all.List(t.Context(), r) {
					has++
				}
				got = append(got, has)
			}
			if after != tc.upTo || !slices.Equal(got, tc.want) {
				t.Errorf("ranges of %d keys up to %q, want %d up to %q", got, after, tc.want, tc.upTo)
			}
		})
	}
	n.Keys[3].Read = func(context.Context) ([]string, error) { return nil, fault.New(fault.Temporary, "read", "", nil) }
	if got := listing.Split(t.Context(), n, listing.Rest{Range: store.Range{After: "k/0/49"}, Full: 10}, 5); len(got) != 1 || got[0] != (store.Range{After: "k/0/49"}) {
		t.Errorf("%v, want the whole range where a part of the list cannot be read", got)
	}
}

func TestWhatLiesBesideAPrefixIsNamed(t *testing.T) {
	b := bucket{keys: keys{"2018/a", "2018/b", "2019/07/x", "2019/08/y", "read.me"}}
	for prefix, want := range map[string][]string{
		"2020/": {"2018/", "2019/", "read.me"}, "2019/09/": {"2019/07/", "2019/08/"}, "zebra": {"2018/", "2019/", "read.me"},
	} {
		if got := listing.Beside(t.Context(), b, prefix, 5); !slices.Equal(got, want) {
			t.Errorf("beside %q: %q, want %q", prefix, got, want)
		}
	}
	if got := listing.Beside(t.Context(), b, "2020/", 2); !slices.Equal(got, []string{"2018/", "2019/"}) {
		t.Errorf("%q, want the first two", got)
	}
}
