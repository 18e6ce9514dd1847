package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
)

// service is a bucket that is listed in pages of two keys. full is what its
// answers say of the next page, by the last key of a page: "" where it errs.
type service struct {
	keys   []string
	wrong  []string // last keys of pages that name no next one
	anew   bool     // it begins at the beginning whatever start it is given
	refuse bool     // it takes no start that it has not given out
	asked  []string
}

func (s *service) read(_ context.Context, q Query, next string) (Page, error) {
	s.asked = append(s.asked, q.After+"|"+next)
	after := max(q.After, next)
	if s.refuse && next == "" && q.After != "" {
		return Page{}, fault.New(fault.Invalid, "test.List", "", errors.New("640 bad marker"))
	}
	if s.anew && next == "" {
		after = ""
	}
	var p Page
	for _, k := range s.keys {
		if k <= after || !strings.HasPrefix(k, q.Prefix) {
			continue
		}
		if len(p.Objects) == 2 {
			p.Next = p.Objects[1].Key
			break
		}
		p.Objects = append(p.Objects, Object{Key: k})
	}
	if slices.Contains(s.wrong, p.Next) {
		p.Next = ""
	}
	return p, nil
}

func atOnce() backoff.BackOff { return &backoff.ZeroBackOff{} }

func TestTheEndOfAListingIsAskedForOnceMore(t *testing.T) {
	keys := []string{"a1", "a2", "a3", "b1", "b2", "b3", "c1"}
	for name, tc := range map[string]struct {
		service
		r        Range
		want     []string // a key with a * has a warning
		requests int
	}{
		"where all is right, one request more":            {service{keys: keys}, Range{}, keys, 5},
		"of an empty bucket":                              {service{}, Range{}, nil, 2},
		"whose first full page ends it":                   {service{keys: keys, wrong: []string{"a2"}}, Range{}, []string{"a1", "a2", "a3*", "b1", "b2", "b3", "c1"}, 5},
		"whose last full page ends it":                    {service{keys: keys, wrong: []string{"b3"}}, Range{}, []string{"a1", "a2", "a3", "b1", "b2", "b3", "c1*"}, 5},
		"whose every page ends it":                        {service{keys: keys, wrong: keys}, Range{}, []string{"a1", "a2", "a3*", "b1", "b2*", "b3", "c1*"}, 5},
		"of a prefix":                                     {service{keys: keys, wrong: []string{"b2"}}, Range{Prefix: "b"}, []string{"b1", "b2", "b3*"}, 3},
		"behind a start":                                  {service{keys: keys, wrong: []string{"b2"}}, Range{After: "a3"}, []string{"b1", "b2", "b3*", "c1"}, 3},
		"where nothing is behind a start":                 {service{keys: keys}, Range{After: "c1"}, nil, 2},
		"but not of a stretch that has an end of its own": {service{keys: keys}, Range{UpTo: "b1"}, []string{"a1", "a2", "a3", "b1"}, 2},
		"of a service that begins anew":                   {service{keys: keys[:2], anew: true}, Range{}, keys[:2], 2},
		"of a service that takes no start of anybody's":   {service{keys: keys, refuse: true}, Range{}, keys, 5},
		"of one that ends early and takes no start":       {service{keys: keys, wrong: []string{"a2"}, refuse: true}, Range{}, keys[:2], 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tc.service
			var got []string
			for o, err := range (Pages{Op: "test.List", Cut: asUTF8.Cut, Read: s.read, Pause: atOnce, Recheck: true}).List(t.Context(), tc.r) {
				if err != nil {
					t.Fatal(err)
				}
				if len(o.Warnings) > 0 {
					o.Key += "*"
				}
				got = append(got, o.Key)
			}
			if !slices.Equal(got, tc.want) || len(s.asked) != tc.requests {
				t.Errorf("got %q by %d requests %q, want %q by %d", got, len(s.asked), s.asked, tc.want, tc.requests)
			}
		})
	}
}

func TestWhoKnowsBetterAsksNobodyTwice(t *testing.T) {
	s := &service{keys: []string{"a"}}
	for range (Pages{Cut: asUTF8.Cut, Read: s.read}).List(t.Context(), Range{}) {
		continue
	}
	if len(s.asked) != 1 {
		t.Errorf("%d requests without Recheck, want 1", len(s.asked))
	}
}

// TestEmptyPagesAreAskedForWithGrowingPauses runs on a clock of its own.
func TestEmptyPagesAreAskedForWithGrowingPauses(t *testing.T) {
	for name, tc := range map[string]struct {
		next        func(i int) string
		empty       int // pages, then one with a key
		kind        fault.Kind
		least, most time.Duration
	}{
		"a few are soon over":                  {func(i int) string { return fmt.Sprint(i) }, 3, "", 70 * time.Millisecond, 300 * time.Millisecond},
		"hundreds, as where many were deleted": {func(i int) string { return fmt.Sprint(i) }, 600, "", 4 * time.Minute, 20 * time.Minute},
		"without end, each with another name":  {func(i int) string { return fmt.Sprint(i) }, 1 << 30, fault.Temporary, 8 * time.Minute, 40 * time.Minute},
		"without end, each naming itself":      {func(int) string { return "same" }, 1 << 30, fault.Temporary, 8 * time.Minute, 40 * time.Minute},
		"in a circle":                          {func(i int) string { return fmt.Sprint(i % 50) }, 1 << 30, fault.Temporary, 0, 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, asked := time.Now(), 0
				read := func(context.Context, Query, string) (Page, error) {
					if asked++; asked > tc.empty {
						return Page{Objects: []Object{{Key: "z"}}}, nil
					}
					return Page{Next: tc.next(asked)}, nil
				}
				var err error
				n := 0
				for _, err = range (Pages{Op: "test.List", Cut: asUTF8.Cut, Read: read}).List(t.Context(), Range{}) {
					n++
				}
				if took := time.Since(begun); fault.KindOf(err) != tc.kind || n != 1 || took < tc.least || took > tc.most || asked > 1001 {
					t.Errorf("got %d, %v after %d requests in %s, want kind %q in %s to %s", n, err, asked, took, tc.kind, tc.least, tc.most)
				}
			})
		})
	}
}
