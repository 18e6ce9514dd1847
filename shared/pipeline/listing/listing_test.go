package listing_test

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

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
