package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/store"
)

// lister is a source that is listed by levels, too.
type lister interface {
	store.Source
	store.Lister
}

// Lister tests a store.Lister on a source that is one too.
func Lister(t *testing.T, open func(t *testing.T) Fixture) { run(t, ListerCases(), open) }

// ListerCases is the contract of a store.Lister.
func ListerCases() []Case {
	tests := map[string]func(T, Fixture){}
	for name, test := range map[string]func(T, Fixture, lister){
		"a level goes over many pages, in byte order":            manyEntries,
		"a level has each name once, however much lies below it": levels,
		"an empty page is not the end of a level":                emptyPageOfLevel,
		"a level that cannot be listed is an error":              failedLevel,
	} {
		tests[name] = func(t T, f Fixture) {
			b, ok := f.Source.(lister)
			if !ok {
				t.Fatalf("the fixture's source is not listed by levels")
			}
			test(t, f, b)
		}
	}
	return cases(tests)
}

// entries lists what lies directly below prefix, behind after.
func entries(ctx context.Context, b store.Lister, prefix, after string) (all []string, err error) {
	for entry, err := range b.Entries(ctx, prefix, after) {
		if err != nil {
			return all, err
		}
		all = append(all, entry)
	}
	return all, nil
}

// level is what entries is to find among keys.
func level(keys []string, prefix, after string) (all []string) {
	for _, k := range keys {
		if name, ok := strings.CutPrefix(k, prefix); ok {
			if i := strings.Index(name, "/"); i >= 0 {
				k = prefix + name[:i+1]
			}
			if k > after {
				all = append(all, k)
			}
		}
	}
	return slices.Compact(sorted(all))
}

func manyEntries(t T, f Fixture, b lister) {
	var all []string
	for i := range 1100 {
		all = append(all, fmt.Sprintf("d/%04d/x", i), fmt.Sprintf("d/%04d-", i))
	}
	all = append(all, "c", "d", "d/0500/y/z", "d0")
	f.fill(all)
	for _, after := range []string{"", "d/0500/", "d/0500/x"} {
		if got, err := entries(t.Context(), b, "d/", after); err != nil || !slices.Equal(got, level(all, "d/", after)) {
			t.Errorf("behind %q there are %d entries (%v), want %d in order, each once", after, len(got), err, len(level(all, "d/", after)))
		}
	}
}

func levels(t T, f Fixture, b lister) {
	r := rand.New(rand.NewPCG(2, 0))
	all := f.holds(sorted([]string{"a", "a/", "a/b", "a/b/c", "a/b/d", "a/b-/c", "a/b-c", "a/b0", "a//e", "a/é/x", "a/中/文", "a/中/文/件", "a-", "a0/x", "b", "b/a/x", "中/文"}))
	f.fill(all)
	ends := append([]string{"", "a/b/", "a/b/c/", "a/c", "b/a", "~", "\U0010ffff"}, all...)
	for range 200 {
		prefix, after := []string{"", "a", "a/", "a/b", "a/b/", "中/", "none/"}[r.IntN(7)], ends[r.IntN(len(ends))]
		if got, err := entries(t.Context(), b, prefix, after); err != nil || !slices.Equal(got, level(all, prefix, after)) {
			t.Fatalf("Entries(%q, %q) = %q, %v, want %q", prefix, after, got, err, level(all, prefix, after))
		}
	}
}

func emptyPageOfLevel(t T, f Fixture, b lister) {
	f.able(t, EmptyPage)
	f.fill([]string{"a/x", "b", "c/x", "c/y", "d/x"})
	f.trouble(t, EmptyPage)
	if got, err := entries(t.Context(), b, "", ""); err != nil || len(got) != 4 {
		t.Errorf("listed %q, %v, want four entries", got, err)
	}
}

func failedLevel(t T, f Fixture, b lister) {
	if _, err := entries(cancelled(t.Context()), b, "", ""); err == nil {
		t.Errorf("a level was listed under a ctx that had ended")
	}
	f.able(t, PageFails)
	f.put("a/x", "x")
	f.trouble(t, PageFails)
	if got, err := entries(t.Context(), b, "", ""); err == nil {
		t.Errorf("a level whose pages fail was listed as %q, without an error", got)
	}
}
