package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Source tests a store.Source. open returns an empty bucket each time.
func Source(t *testing.T, open func(t *testing.T) Fixture) { run(t, SourceCases(), open) }

// SourceCases is the contract of a store.Source.
func SourceCases() []Case {
	return cases(map[string]func(T, Fixture){
		"an empty bucket lists nothing":                       emptyBucket,
		"a listing goes over many pages, in byte order":       manyPages,
		"a range is half open, and its ends need not exist":   ranges,
		"awkward keys survive byte for byte":                  awkwardKeys,
		"an empty page is not the end":                        emptyPage,
		"a listing that fails in its middle is an error":      failedPage,
		"a listing out of order is an error that names both":  disorder,
		"a listing may be left early and ends with its ctx":   leaveEarly,
		"a missing key is NotFound":                           missing,
		"Open reads any range":                                openRange,
		"Open of another version is Changed":                  openChanged,
		"a body fails rather than ends early":                 brokenBody,
		"a body ends with its ctx":                            cancelledBody,
		"the bytes are those that are stored, never unpacked": noUnpacking,
		"an empty object has an empty body":                   emptyObject,
		"list, stat and open agree on size and hash":          agreement,
	})
}

func emptyBucket(t T, f Fixture) {
	if got := keys(t, f.Source, store.Range{}); len(got) > 0 {
		t.Errorf("listed %q, want nothing", got)
	}
}

func manyPages(t T, f Fixture) {
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("%04d", i*7%2500))
	}
	f.fill(want)
	if got := keys(t, f.Source, store.Range{}); !slices.Equal(got, sorted(want)) {
		t.Errorf("listed %d keys, want 2500 in order, each once", len(got))
	}
}

func ranges(t T, f Fixture) {
	r := rand.New(rand.NewPCG(1, 0))
	all := f.holds(sorted([]string{"a", "a/", "a/b", "a/b/c", "a0", "b", "b/", "é", "é/x", "中", "中文", "中文/件", "z", "zz"}))
	f.fill(all)
	ends := append([]string{"", "\x01", "a!", "b/x", "~", "中!", "\U0010ffff"}, all...)
	for range 200 {
		in := store.Range{After: ends[r.IntN(len(ends))], UpTo: ends[r.IntN(len(ends))], Prefix: []string{"", "", "a", "a/", "中", "none"}[r.IntN(6)], Few: r.IntN(4)}
		var want []string
		for _, k := range all {
			if strings.HasPrefix(k, in.Prefix) && k > in.After && (in.UpTo == "" || k <= in.UpTo) {
				want = append(want, k)
			}
		}
		if got := keys(t, f.Source, in); !slices.Equal(got, want) {
			t.Fatalf("List(%+v) = %q, want %q", in, got, want)
		}
	}
}

func awkwardKeys(t T, f Fixture) {
	awkward := f.awkward()
	for _, k := range awkward {
		f.put(k, "body of "+k)
	}
	if got := keys(t, f.Source, store.Range{}); !slices.Equal(got, sorted(awkward)) {
		t.Fatalf("listed %q, want %q", got, sorted(awkward))
	}
	for _, k := range awkward {
		o := stat(t, f.Source, k)
		if got := string(Read(t, f.Source, o, 0, -1)); o.Key != k || got != "body of "+k {
			t.Errorf("%q came back as %q with %q", k, o.Key, got)
		}
	}
}

func emptyPage(t T, f Fixture) {
	f.able(t, EmptyPage)
	f.fill(numbered(50))
	f.trouble(t, EmptyPage)
	if got := keys(t, f.Source, store.Range{}); len(got) != 50 {
		t.Errorf("listed %d keys, want 50: an empty page ended the listing", len(got))
	}
}

func failedPage(t T, f Fixture) {
	f.able(t, PageFails)
	f.fill(numbered(1500))
	n := 0
	for _, err := range f.Source.List(t.Context(), store.Range{}) {
		if err != nil {
			if n >= 1500 {
				t.Errorf("failed after all %d keys", n)
			}
			return
		}
		if n++; n == 1 {
			f.trouble(t, PageFails)
		}
	}
	// One page may have been under way already; a fixture's trouble must then
	// show in a listing of its own.
	for _, err := range f.Source.List(t.Context(), store.Range{}) {
		if err != nil {
			return
		}
	}
	t.Errorf("a listing whose pages fail ended without an error")
}

func disorder(t T, f Fixture) {
	f.able(t, Disorder)
	f.put("a", "x")
	f.put("b", "x")
	f.trouble(t, Disorder)
	for _, err := range f.Source.List(t.Context(), store.Range{}) {
		if err != nil {
			wantKind(t, "a listing out of order", err, fault.Invalid)
			if strings.Count(err.Error(), `"`) < 4 {
				t.Errorf("%v: want both keys named", err)
			}
			return
		}
	}
	t.Errorf("a listing out of order ended without an error")
}

func leaveEarly(t T, f Fixture) {
	f.fill(numbered(1200))
	for range f.Source.List(t.Context(), store.Range{}) {
		break
	}
	var last error
	for _, last = range f.Source.List(cancelled(t.Context()), store.Range{}) {
	}
	if last == nil {
		t.Errorf("a listing whose ctx had ended yielded no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, last = range f.Source.List(ctx, store.Range{}) {
		if n++; n == 1 {
			cancel()
		}
	}
	if last == nil && n < 1200 {
		t.Errorf("a listing cancelled in its middle ended after %d keys without an error", n)
	}
}

func missing(t T, f Fixture) {
	_, err := f.Source.Stat(t.Context(), "none")
	wantKind(t, "Stat", err, fault.NotFound)
	_, _, err = f.Source.Open(t.Context(), store.Object{Key: "none"}, 0, -1)
	wantKind(t, "Open", err, fault.NotFound)
}

func openRange(t T, f Fixture) {
	f.put("k", "0123456789")
	o := stat(t, f.Source, "k")
	for _, tc := range []struct {
		off, n int64
		want   string
	}{{0, -1, "0123456789"}, {2, 3, "234"}, {8, -1, "89"}, {9, 1, "9"}, {0, 1, "0"}} {
		if got := string(Read(t, f.Source, o, tc.off, tc.n)); got != tc.want {
			t.Errorf("Open(%d, %d) = %q, want %q", tc.off, tc.n, got, tc.want)
		}
	}
}

func openChanged(t T, f Fixture) {
	f.put("k", "old")
	o := stat(t, f.Source, "k")
	f.put("k", "a new one")
	_, _, err := f.Source.Open(t.Context(), o, 0, -1)
	wantKind(t, "Open of what was overwritten", err, fault.Changed)
	_, _, err = f.Source.Open(t.Context(), o, 1, 1)
	wantKind(t, "Open of a range of what was overwritten", err, fault.Changed)
}

func brokenBody(t T, f Fixture) {
	f.able(t, BodyBreak)
	f.Put(store.Object{Key: "k", Size: 4 << 20}, content(4<<20))
	f.trouble(t, BodyBreak)
	_, body, err := f.Source.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		return // that is early enough
	}
	defer func() { _ = body.Close() }()
	if n, err := io.Copy(io.Discard, body); err == nil {
		t.Errorf("read %d of %d bytes and no error", n, 4<<20)
	}
}

func cancelledBody(t T, f Fixture) {
	f.Put(store.Object{Key: "k", Size: 8 << 20}, content(8<<20))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, body, err := f.Source.Open(ctx, store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer func() { _ = body.Close() }()
	cancel()
	if n, err := io.Copy(io.Discard, body); err == nil {
		t.Errorf("read all %d bytes after the cancel", n)
	}
	_, _, err = f.Source.Open(cancelled(t.Context()), store.Object{Key: "k"}, 0, -1)
	if err == nil {
		t.Errorf("Open with a ctx that had ended succeeded")
	}
}

func noUnpacking(t T, f Fixture) {
	raw := []byte("\x1f\x8bnot really gzip")
	f.Put(store.Object{Key: "k", Size: int64(len(raw)), Header: map[string]string{"Content-Encoding": "gzip"}}, raw)
	if got := Read(t, f.Source, store.Object{Key: "k"}, 0, -1); !bytes.Equal(got, raw) {
		t.Errorf("read %q, want %q", got, raw)
	}
}

func emptyObject(t T, f Fixture) {
	f.put("k", "")
	o := stat(t, f.Source, "k")
	if got := Read(t, f.Source, o, 0, -1); o.Size != 0 || len(got) != 0 {
		t.Errorf("size %d, read %q, want nothing", o.Size, got)
	}
}

func agreement(t T, f Fixture) {
	f.Put(store.Object{Key: "k", Size: 70_000, Type: "image/png"}, content(70_000))
	st := stat(t, f.Source, "k")
	opened, body, err := f.Source.Open(t.Context(), st, 0, -1)
	if err != nil {
		t.Fatalf("%v", err)
	}
	_ = body.Close()
	for o, err := range f.Source.List(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatalf("%v", err)
		}
		if o.Size != 70_000 || o.Size != st.Size || o.Size != opened.Size || o.Hash == "" || o.Hash != st.Hash || o.Hash != opened.Hash {
			t.Errorf("list %+v\nstat %+v\nopen %+v: want one size and one hash", o, st, opened)
		}
	}
}
