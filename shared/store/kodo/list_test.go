package kodo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// pages answers /list with one page per marker.
func pages(by map[string][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, ok := by[r.URL.Query().Get("marker")]
		if !ok {
			refuse(w, 640, "invalid marker")
			return
		}
		_, _ = w.Write(p)
	}
}

func TestListing(t *testing.T) {
	k := func(keys ...string) []string {
		var items []string
		for _, key := range keys {
			items = append(items, itemJSON(key))
		}
		return items
	}
	empties := map[string][]byte{"": pageJSON("m0")}
	for i := range 300 {
		empties[fmt.Sprint("m", i)] = pageJSON(fmt.Sprint("m", i+1))
	}
	empties["m300"] = pageJSON("", k("z")...)
	for name, tc := range map[string]struct {
		pages map[string][]byte
		r     store.Range
		want  []string
		kind  fault.Kind
		says  []string
	}{
		"ends with the empty marker alone": {
			pages: map[string][]byte{"": pageJSON("m", k("a")...), "m": pageJSON("n"), "n": pageJSON("", k("b")...)}, want: []string{"a", "b"},
		},
		"goes on over hundreds of empty pages": {pages: empties, want: []string{"z"}},
		"of an empty bucket is empty":          {pages: map[string][]byte{"": pageJSON("")}},
		"yields an empty key":                  {pages: map[string][]byte{"": pageJSON("", k("", "a")...)}, want: []string{"", "a"}},
		"stops at UpTo": {
			pages: map[string][]byte{"": pageJSON("m", k("a", "b", "c")...)}, r: store.Range{UpTo: "b"}, want: []string{"a", "b"},
		},
		"out of order in a page names both keys": {
			pages: map[string][]byte{"": pageJSON("", k("b", "a")...)}, want: []string{"b"}, kind: fault.Invalid, says: []string{`"a"`, `"b"`},
		},
		"out of order across pages names both keys": {
			pages: map[string][]byte{"": pageJSON("m", k("b")...), "m": pageJSON("", k("a")...)}, want: []string{"b"}, kind: fault.Invalid, says: []string{`"a"`, `"b"`},
		},
		"that repeats a key is out of order": {
			pages: map[string][]byte{"": pageJSON("m", k("b")...), "m": pageJSON("", k("b")...)}, want: []string{"b"}, kind: fault.Invalid,
		},
		"whose marker stands still fails": {
			pages: map[string][]byte{"": pageJSON("m", k("a")...), "m": pageJSON("m")}, want: []string{"a"}, kind: fault.Temporary, says: []string{"itself"},
		},
		"whose markers run in a circle fails": {
			pages: map[string][]byte{"": pageJSON("m"), "m": pageJSON("n"), "n": pageJSON("o"), "o": pageJSON("m")}, kind: fault.Temporary, says: []string{"circle"},
		},
		"of a page that is no JSON fails":      {pages: map[string][]byte{"": []byte("<html>")}, kind: fault.Temporary, says: []string{"cannot be read"}},
		"with a marker Kodo refuses is wrong":  {pages: map[string][]byte{"": pageJSON("gone", k("a")...)}, want: []string{"a"}, kind: fault.Invalid, says: []string{"640"}},
		"of a range that is empty asks nobody": {r: store.Range{After: "b", UpTo: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := drain(t, fake(t, pages(tc.pages)), tc.r)
			if !slices.Equal(got, tc.want) || fault.KindOf(err) != tc.kind {
				t.Fatalf("got %q, %v, want %q and kind %q", got, err, tc.want, tc.kind)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("got %v, want it to say %s", err, s)
				}
			}
		})
	}
}

func TestAFailedPageIsTriedAgainAndAThrottledOneForLonger(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header string
		want   int
		kind   fault.Kind
	}{
		"a server failure":                     {500, "", store.Tries, fault.Temporary},
		"a server that fails for all":          {599, "", store.MaxThrottles, fault.Throttled},
		"too many requests":                    {573, "", store.MaxThrottles, fault.Throttled},
		"too many requests, and wait an hour":  {573, "3600", 1, fault.Throttled},
		"a gateway that asks for an hour":      {503, "3600", 1, fault.Throttled},
		"a missing bucket is asked once":       {631, "", 1, fault.NotFound},
		"keys that are refused are asked once": {401, "", 1, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			var calls tally
			b := fake(t, func(w http.ResponseWriter, r *http.Request) {
				calls.add("list")
				if tc.header != "" {
					w.Header().Set("Retry-After", tc.header)
				}
				refuse(w, tc.status, "no")
			})
			_, err := drain(t, b, store.Range{})
			if calls.of("list") != tc.want || fault.KindOf(err) != tc.kind {
				t.Errorf("%d requests, %v, want %d and kind %s", calls.of("list"), err, tc.want, tc.kind)
			}
			if tc.header != "" && fault.WaitOf(err).Hours() != 1 {
				t.Errorf("the error asks to wait %s, want 1h", fault.WaitOf(err))
			}
		})
	}
}

func TestTheNextPageIsReadAhead(t *testing.T) {
	second := make(chan struct{})
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("marker") {
		case "":
			_, _ = w.Write(pageJSON("m", itemJSON("a"), itemJSON("b")))
		case "m":
			close(second)
			_, _ = w.Write(pageJSON("n", itemJSON("c")))
		default:
			t.Error("a third page was asked for, want one page ahead")
		}
	})
	for o, err := range b.List(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Key == "b" {
			<-second // asked for while the first is worked on, or this hangs
			break
		}
	}
}

func TestNothingOutlivesAnIteration(t *testing.T) {
	held := make(chan struct{})
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("marker") == "" {
			_, _ = w.Write(pageJSON("m", itemJSON("a"), itemJSON("b")))
			return
		}
		<-held
	})
	defer close(held)
	for range 20 {
		for o, err := range b.List(t.Context(), store.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			if o.Key == "b" { // the page ahead is under way
				break
			}
		}
		if n := strings.Count(stacks(), "(*listing).fetch.func"); n != 0 {
			t.Fatalf("%d goroutines are left of an iteration that ended, want none", n)
		}
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func TestListEndsWithItsContext(t *testing.T) {
	cause := errors.New("enough")
	for name, tc := range map[string]func(context.CancelCauseFunc) *Bucket{
		"between two keys of a page": func(end context.CancelCauseFunc) *Bucket {
			return fake(t, pages(map[string][]byte{"": pageJSON("", itemJSON("a"), itemJSON("b"))}))
		},
		"while a page is waited for": func(end context.CancelCauseFunc) *Bucket {
			return fake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("marker") == "" {
					_, _ = w.Write(pageJSON("m", itemJSON("a")))
					return
				}
				end(cause)
				<-r.Context().Done()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var last error
			n := 0
			for _, err := range tc(cancel).List(ctx, store.Range{}) {
				if last = err; err == nil {
					n++
				}
				if strings.HasPrefix(name, "between") {
					cancel(cause)
				}
			}
			if n != 1 || !errors.Is(last, cause) || fault.KindOf(last) != fault.Temporary {
				t.Errorf("%d keys and %v, want 1 and a temporary fault: enough", n, last)
			}
		})
	}
}

func TestAContextThatEndsDuringAPauseIsAFault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := fake(t, func(w http.ResponseWriter, r *http.Request) { refuse(w, 599, "down") })
	b.pause = store.Pauses
	b.cfg.Transport = wire(func(r *http.Request) (*http.Response, error) {
		defer cancel()
		return wire(nil).answer(func(w http.ResponseWriter, r *http.Request) { refuse(w, 599, "down") }, r.WithContext(context.WithoutCancel(ctx))), nil
	})
	_, err := b.Stat(ctx, "k")
	if own, ok := errors.AsType[*fault.Error](err); !ok || own.Kind != fault.Temporary || own.Op != "kodo.Stat" {
		t.Errorf("got %#v, want a temporary fault of kodo.Stat", err)
	}
}
