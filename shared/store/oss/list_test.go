package oss

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// shelf answers listings of keys, in pages of size.
type shelf struct {
	keys  []string
	size  int
	calls atomic.Int64
	first url.Values // of the first request
	spoil func(call int64, w http.ResponseWriter, r *http.Request) bool
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, q := s.calls.Add(1), r.URL.Query()
	if call == 1 {
		s.first = q
	}
	if s.spoil != nil && s.spoil(call, w, r) {
		return
	}
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	var contents []string
	last, more := "", false
	for _, k := range s.keys {
		if k <= after || !strings.HasPrefix(k, q.Get("prefix")) {
			continue
		}
		if len(contents) == s.size {
			more = true
			break
		}
		contents, last = append(contents, contentXML(k)), k
	}
	if !more {
		last = ""
	}
	_, _ = w.Write(pageXML(more, last, contents...))
}

func collect(ctx context.Context, b *Bucket, r store.Range) ([]string, error) {
	var keys []string
	for obj, err := range b.List(ctx, r) {
		if err != nil {
			if obj.Key != "" {
				return keys, fmt.Errorf("the last object is %+v, want a zero one", obj)
			}
			return keys, err
		}
		keys = append(keys, obj.Key)
	}
	return keys, nil
}

func TestListYieldsExactlyTheRange(t *testing.T) {
	s := &shelf{size: 2, keys: []string{"!", "a", "a b", "a+b", "a/1", "a/2", "a/3", "b", "中", "文"}}
	slices.Sort(s.keys)
	b := serve(t, s.ServeHTTP)
	for name, r := range map[string]store.Range{
		"everything":              {},
		"after":                   {After: "a b"},
		"after what is not there": {After: "a/"},
		"up to":                   {UpTo: "a/2"},
		"up to what is not there": {UpTo: "a/25"},
		"prefix":                  {Prefix: "a/"},
		"prefix and after":        {Prefix: "a/", After: "a/1"},
		"between":                 {After: "a/1", UpTo: "a/3"},
		"prefix and between":      {Prefix: "a", After: "a/1", UpTo: "a/2"},
		"a longer prefix":         {Prefix: "a/2", After: "a/1", UpTo: "a/3"},
		"half a character":        {Prefix: "\xe4"},
		"after half a character":  {After: "\xe4\xb8"},
		"after what is too long":  {After: strings.Repeat("a/1", 500)},
		"nothing: after the end":  {After: "文"},
		"nothing: turned round":   {After: "b", UpTo: "a"},
		"nothing: behind":         {Prefix: "a/", After: "b"},
		"nothing: before":         {Prefix: "b", UpTo: "a"},
		"nothing: apart":          {Prefix: "b", After: "a/1", UpTo: "a/2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect(t.Context(), b, r)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, k := range s.keys {
				if strings.HasPrefix(k, r.Prefix) && k > r.After && (r.UpTo == "" || k <= r.UpTo) {
					want = append(want, k)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestListAsksAsNarrowAsItCan(t *testing.T) {
	for name, tc := range map[string]struct {
		r             store.Range
		prefix, after string
	}{
		"the common prefix of both ends": {store.Range{After: "logs/2024/01", UpTo: "logs/2024/02"}, "logs/2024/0", "logs/2024/01"},
		"the prefix where it is longer":  {store.Range{Prefix: "logs/2024/", After: "logs/2023", UpTo: "logs/2025"}, "logs/2024/", ""},
		"whole characters only":          {store.Range{After: "中a", UpTo: "丮"}, "", "中a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{size: 1000}
			b := serve(t, s.ServeHTTP)
			if _, err := collect(t.Context(), b, tc.r); err != nil {
				t.Fatal(err)
			}
			if got := s.first; got.Get("prefix") != tc.prefix || got.Get("start-after") != tc.after {
				t.Errorf("got %q, want prefix %q and start-after %q", got, tc.prefix, tc.after)
			}
			if got := s.first; got.Get("list-type") != "2" || got.Get("encoding-type") != "url" || got.Get("max-keys") != "1000" {
				t.Errorf("got %q, want version 2, url, 1000", got)
			}
		})
	}
}

func TestListGoesOnAfterAnEmptyPage(t *testing.T) {
	s := &shelf{size: 1, keys: []string{"a", "b", "c"}}
	s.spoil = func(call int64, w http.ResponseWriter, r *http.Request) bool {
		if call != 2 {
			return false
		}
		_, _ = w.Write(pageXML(true, r.URL.Query().Get("continuation-token")))
		return true
	}
	got, err := collect(t.Context(), serve(t, s.ServeHTTP), store.Range{})
	if err != nil || len(got) != 3 {
		t.Errorf("got %q, %v, want 3 keys", got, err)
	}
}

func TestListThatGoesInACircleEnds(t *testing.T) {
	_, err := collect(t.Context(), serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pageXML(true, "same")) }), store.Range{})
	wantKind(t, "List", err, fault.Temporary)
}

func TestListTriesAPageAgain(t *testing.T) {
	for name, spoil := range map[string]http.HandlerFunc{
		"throttled":     refuse(503, "TotalQpsLimitExceeded", "slow", "x-oss-qos-delay-time", "1"),
		"an own error":  refuse(500, "InternalError", "oops"),
		"a broken page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<ListBucketResult><Contents>")) },
		"a cut-off page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("<ListBucketResult>"))
		},
		"a reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{size: 1, keys: []string{"a", "b"}}
			s.spoil = func(call int64, w http.ResponseWriter, r *http.Request) bool {
				if call%store.Tries != 0 {
					spoil(w, r)
				}
				return call%store.Tries != 0
			}
			got, err := collect(t.Context(), serve(t, s.ServeHTTP), store.Range{})
			if err != nil || !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("got %q, %v, want both keys, each at the last try", got, err)
			}
		})
	}
}

func TestListGivesUp(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   fault.Kind
		calls  int64
	}{
		"after 6 tries":                 {refuse(500, "InternalError", "busy"), fault.Temporary, store.Tries},
		"much later where it is slowed": {refuse(503, "ServiceUnavailable", "busy"), fault.Throttled, store.MaxThrottles},
		"at once where it is denied":    {refuse(403, "AccessDenied", "no"), fault.Denied, 1},
		"at once where the wait is so":  {refuse(503, "TotalQpsLimitExceeded", "slow", "x-oss-qos-delay-time", "61000"), fault.Throttled, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			b := serve(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); tc.answer(w, r) })
			_, err := collect(t.Context(), b, store.Range{})
			wantKind(t, "List", err, tc.kind)
			if calls.Load() != tc.calls {
				t.Errorf("got %d requests, want %d", calls.Load(), tc.calls)
			}
		})
	}
}

func TestListOutOfOrderNamesBothKeys(t *testing.T) {
	for name, pages := range map[string][][]string{
		"in a page":      {{"b1", "a1"}},
		"a key twice":    {{"a1", "a1"}},
		"across pages":   {{"b1"}, {"a1"}},
		"after an empty": {{"b1"}, {}, {"a1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var call atomic.Int64
			_, err := collect(t.Context(), serve(t, func(w http.ResponseWriter, _ *http.Request) {
				n := int(call.Add(1))
				var contents []string
				for _, k := range pages[n-1] {
					contents = append(contents, contentXML(k))
				}
				_, _ = w.Write(pageXML(n < len(pages), fmt.Sprint("t", n), contents...))
			}), store.Range{})
			wantKind(t, "List", err, fault.Invalid)
			if !strings.Contains(fmt.Sprint(err), "a1") || name != "a key twice" && !strings.Contains(fmt.Sprint(err), "b1") {
				t.Errorf("got %v, want both keys named", err)
			}
		})
	}
}

func TestListStoppedEarlyLeavesNoRequest(t *testing.T) {
	s := &shelf{size: 2, keys: []string{"a", "b", "c", "d", "e"}}
	under, left := make(chan struct{}), make(chan struct{})
	s.spoil = func(call int64, w http.ResponseWriter, r *http.Request) bool {
		if call == 1 {
			return false
		}
		close(under)
		<-r.Context().Done() // the page ahead, until it is called off
		close(left)
		return true
	}
	b := serve(t, s.ServeHTTP)
	for o := range b.List(t.Context(), store.Range{}) {
		if o.Key == "b" {
			<-under
			break
		}
	}
	<-left
	if n := s.calls.Load(); n != 2 {
		t.Errorf("got %d requests, want 2: the first page and one ahead", n)
	}
}

func TestOneObjectCostsOneRequest(t *testing.T) {
	s := &shelf{size: 2, keys: []string{"a", "b", "c", "d", "e"}}
	for range serve(t, s.ServeHTTP).List(t.Context(), store.Range{}) {
		break
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("got %d requests, want 1: nobody asked for a second object", n)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := collect(ctx, b, store.Range{})
	wantKind(t, "List", err, fault.Temporary)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled in the chain", err)
	}
}

func TestListDoesNotReadBeyondTheRange(t *testing.T) {
	s := &shelf{size: 2, keys: []string{"a", "b", "c", "d"}}
	got, err := collect(t.Context(), serve(t, s.ServeHTTP), store.Range{UpTo: "b"})
	if err != nil || !slices.Equal(got, []string{"a", "b"}) || s.calls.Load() != 1 {
		t.Errorf("got %q, %v in %d requests, want a and b in one", got, err, s.calls.Load())
	}
}

// TestAnAnswerThatIsNoLevelIsTemporary, as any page that cannot be read: here from a service that
// passes over the delimiter.
func TestAnAnswerThatIsNoLevelIsTemporary(t *testing.T) {
	s := &shelf{size: 2, keys: []string{"d/a/x", "d/a/y"}}
	b := serve(t, s.ServeHTTP)
	for entry, err := range b.Entries(t.Context(), "d/", "") {
		if fault.KindOf(err) != fault.Temporary {
			t.Errorf("it lists %q, %v, want Temporary", entry, err)
		}
	}
	if s.first.Get("delimiter") != "/" || s.first.Get("prefix") != "d/" || s.first.Get("max-keys") != "1000" {
		t.Errorf("it is asked for %v, want 1,000 entries of the level below d/", s.first)
	}
	for entry, err := range b.Entries(t.Context(), "\xff/", "") {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("below a prefix that cannot be asked for it lists %q, %v, want Invalid", entry, err)
		}
	}
}
