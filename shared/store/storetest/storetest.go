// Package storetest is the contract of package store as suites that every
// driver passes: Source, Target and Multipart. A case's name is the sentence
// it holds the driver to. Start with Fixture.
package storetest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Fixture is an empty bucket to read, and the way to fill it and to make trouble.
type Fixture struct {
	Source store.Source
	// Put stores an object as some other client would.
	Put func(o store.Object, body []byte)
	// Trouble makes the next requests of that kind go wrong. A kind that the
	// fixture cannot make is answered false, and its cases are skipped.
	Trouble func(kind Trouble) bool
}

// Trouble is what a service may do in the middle of its work.
type Trouble string

const (
	EmptyPage Trouble = "an empty page that is not the end, now and then"
	PageFails Trouble = "every further listing request fails"
	Disorder  Trouble = "a page holds a key that is not above the one before it"
	BodyBreak Trouble = "the connection is reset in the middle of a body"
)

// Awkward keys sort by bytes, not by locale, and survive the wire unchanged.
var Awkward = []string{
	"a", "a b", "a  b", "a+b", "a%2Fb", "a%", "a&b=c", "a#b", "a?b", `a"b`, "a'b", "a[b]", "a<b>", "a/../b", "a/./b", "a//b", "a/", "../a",
	"\x01", "a\x03b", "a\nb", "a\tb", "a\x7fb", "zé", "ze\u0301", "中文/文件", "😀", "ключ", "مفتاح", "\u202eabc", "a|b", "a:b", "a;b", "a=b", "a,b",
	strings.Repeat("k", 750), strings.Repeat("中", 250),
}

// put is Fixture.Put for a body alone.
func (f Fixture) put(key, body string) {
	f.Put(store.Object{Key: key, Size: int64(len(body))}, []byte(body))
}

// trouble makes trouble or skips the case.
func (f Fixture) trouble(t *testing.T, kind Trouble) {
	t.Helper()
	if f.Trouble == nil || !f.Trouble(kind) {
		t.Skipf("this fixture cannot make it so that %s", kind)
	}
}

func keys(t *testing.T, s store.Source, r store.Range) []string {
	t.Helper()
	var all []string
	for o, err := range s.List(t.Context(), r) {
		if err != nil {
			t.Fatalf("List(%+q): %v", r, err)
		}
		all = append(all, o.Key)
	}
	return all
}

func stat(t *testing.T, s store.Source, key string) store.Object {
	t.Helper()
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%q): %v", key, err)
	}
	return o
}

func read(t *testing.T, s store.Source, o store.Object, off, n int64) []byte {
	t.Helper()
	_, body, err := s.Open(t.Context(), o, off, n)
	if err != nil {
		t.Fatalf("Open(%q, %d, %d): %v", o.Key, off, n, err)
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("reading %q: %v", o.Key, err)
	}
	return data
}

func write(t *testing.T, b store.Target, o store.Object, body []byte) store.Stored {
	t.Helper()
	o.Size = int64(len(body))
	s, err := b.Put(t.Context(), o, bytes.NewReader(body), store.Put{})
	if err != nil {
		t.Fatalf("Put(%q): %v", o.Key, err)
	}
	return s
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); err == nil || got != want {
		t.Errorf("%s: %v (%q), want %q", what, err, got, want)
	}
}

func sorted(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// content is n bytes that do not repeat with any period of use.
func content(n int) []byte {
	b := make([]byte, n)
	x := uint32(n)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
