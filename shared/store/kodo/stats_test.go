package kodo_test

import (
	"fmt"
	"maps"
	"testing"

	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

func TestUsageIsWhatKodoCountsByClass(t *testing.T) {
	s, b := serve(t)
	for i := range 12 {
		put(t, s, emulator.Object{Key: fmt.Sprint(i), Body: make([]byte, i), Type: i % 5})
	}
	got, err := b.Usage(t.Context())
	want := map[store.Class]store.Usage{
		store.Standard: {Objects: 3, Bytes: 0 + 5 + 10}, store.Infrequent: {Objects: 3, Bytes: 1 + 6 + 11}, store.Archive: {Objects: 2, Bytes: 2 + 7},
		store.DeepArchive: {Objects: 2, Bytes: 3 + 8}, store.ArchiveIR: {Objects: 2, Bytes: 4 + 9},
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	s.Desk().Inject(chaos.Rule{Op: "stats", Kind: chaos.Status, Status: 403, Rate: 1})
	if _, err := b.Usage(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("%v, want Denied where the keys may not ask", err)
	}
}

func TestFirstPageMakesOneRequest(t *testing.T) {
	s, b := serve(t)
	for i := range 2500 {
		put(t, s, emulator.Object{Key: fmt.Sprintf("k/%04d", i)})
	}
	for name, tc := range map[string]struct {
		in    store.Range
		n     int
		first string
		more  bool
	}{
		"from the beginning":           {store.Range{Prefix: "k/"}, 1000, "k/0000", true},
		"from a key that is not there": {store.Range{Prefix: "k/", After: "k/1200x"}, 1000, "k/1201", true},
		"to the end":                   {store.Range{Prefix: "k/", After: "k/2000"}, 499, "k/2001", false},
		"up to a key":                  {store.Range{After: "k/0100", UpTo: "k/0110"}, 10, "k/0101", false},
		"nothing":                      {store.Range{Prefix: "l/"}, 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.Desk().Counts()["list"]
			objects, more, err := b.FirstPage(t.Context(), tc.in)
			if err != nil || len(objects) != tc.n || more != tc.more || tc.n > 0 && objects[0].Key != tc.first {
				t.Errorf("%d objects, more %v (%v), want %d from %s, more %v", len(objects), more, err, tc.n, tc.first, tc.more)
			}
			if n := s.Desk().Counts()["list"] - before; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}
