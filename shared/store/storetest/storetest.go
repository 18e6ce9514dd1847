// Package storetest is the contract of package store as suites that every
// driver passes: Source, Target, Multipart and Lister. A case's name is the sentence
// it holds the driver to. Start with Fixture. The suites run under go test, the cases
// themselves anywhere: T is all that they need.
package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// T is what a case needs of a *testing.T, which is one. Fatalf and Skipf do not return.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Case is one sentence of a contract, and the test of it on an empty bucket.
type Case struct {
	Name string
	Test func(T, Fixture)
}

// cases are tests in the order of their names.
func cases(tests map[string]func(T, Fixture)) []Case {
	var all []Case
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		all = append(all, Case{name, tests[name]})
	}
	return all
}

func run(t *testing.T, all []Case, open func(t *testing.T) Fixture) {
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) { c.Test(t, open(t)) })
	}
}

// Fixture is an empty bucket to read, and the way to fill it and to make trouble.
type Fixture struct {
	Source store.Source
	// Put stores an object as some other client would.
	Put func(o store.Object, body []byte)
	// Trouble makes the next requests of that kind go wrong. A kind that the
	// fixture cannot make is answered false, and its cases are skipped.
	Trouble func(kind Trouble) bool
	// Fill stores an object of one byte under each of the keys, in any order or
	// side by side. Nil: Put does, one after the other.
	Fill func(keys []string)
	// Taken is how many bytes of every key the fixture needs for itself, so that
	// the longest keys are shorter by as much.
	Taken int
	// Holds returns those of keys that can exist side by side, in a place where not
	// all of them can. Nil: all.
	Holds func(keys []string) []string
}

// holds is Fixture.Holds.
func (f Fixture) holds(keys []string) []string {
	if f.Holds != nil {
		return f.Holds(keys)
	}
	return keys
}

// Trouble is what a service may do in the middle of its work.
type Trouble string

const (
	EmptyPage Trouble = "an empty page that is not the end, now and then"
	PageFails Trouble = "every further listing request fails"
	Disorder  Trouble = "a page holds a key that is not above the one before it"
	BodyBreak Trouble = "the connection is reset in the middle of a body"
)

// Injected makes trouble by rules of a stand-in, which inject puts in. disorder is set for a
// page out of order; nil: no fixture of it makes that.
func Injected[Rule any](inject func(...Rule), rules map[Trouble]Rule, disorder *atomic.Bool) func(Trouble) bool {
	return func(kind Trouble) bool {
		if kind == Disorder && disorder != nil {
			disorder.Store(true)
			return true
		}
		rule, ok := rules[kind]
		if ok {
			inject(rule)
		}
		return ok
	}
}

// Awkward keys sort by bytes, not by locale, and survive the wire unchanged.
var Awkward = []string{
	"a", "a b", "a  b", "a+b", "a%2Fb", "a%", "a&b=c", "a#b", "a?b", `a"b`, "a'b", "a[b]", "a<b>", "a/../b", "a/./b", "a//b", "a/", "../a",
	"\x01", "a\x03b", "a\nb", "a\tb", "a\x7fb", "zé", "ze\u0301", "中文/文件", "😀", "ключ", "مفتاح", "\u202eabc", "a|b", "a:b", "a;b", "a=b", "a,b",
	strings.Repeat("k", 750), strings.Repeat("中", 250),
}

// longKeys is how many of Awkward, at its end, are as long as a key may be everywhere.
const longKeys = 2

// awkward is Awkward, as far as the fixture holds it, the longest keys as long as it lets them be.
func (f Fixture) awkward() []string {
	keys := slices.Clone(Awkward)
	for i, k := range keys[len(keys)-longKeys:] {
		n := len(k) - f.Taken
		for n > 0 && n < len(k) && !utf8.RuneStart(k[n]) {
			n--
		}
		keys[len(keys)-longKeys+i] = k[:n]
	}
	return f.holds(keys)
}

// numbered are n keys.
func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%04d", i)
	}
	return keys
}

// fill is Fixture.Fill.
func (f Fixture) fill(keys []string) {
	if f.Fill != nil {
		f.Fill(keys)
		return
	}
	for _, k := range keys {
		f.put(k, "x")
	}
}

// able skips a case, before it does any work, of a fixture that makes no trouble at all.
func (f Fixture) able(t T, kind Trouble) {
	t.Helper()
	if f.Trouble == nil {
		t.Skipf("nobody can make it so here that %s", kind)
	}
}

// put is Fixture.Put for a body alone.
func (f Fixture) put(key, body string) {
	f.Put(store.Object{Key: key, Size: int64(len(body))}, []byte(body))
}

// trouble makes trouble or skips the case.
func (f Fixture) trouble(t T, kind Trouble) {
	t.Helper()
	if !f.Trouble(kind) {
		t.Skipf("this fixture cannot make it so that %s", kind)
	}
}

func keys(t T, s store.Source, r store.Range) []string {
	t.Helper()
	var all []string
	for o, err := range s.List(t.Context(), r) {
		if err != nil {
			t.Fatalf("List(%+v): %v", r, err)
		}
		all = append(all, o.Key)
	}
	return all
}

func stat(t T, s store.Source, key string) store.Object {
	t.Helper()
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%q): %v", key, err)
	}
	return o
}

func Read(t T, s store.Source, o store.Object, off, n int64) []byte {
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

func write(t T, b store.Target, o store.Object, body []byte) store.Stored {
	t.Helper()
	o.Size = int64(len(body))
	s, err := b.Put(t.Context(), o, bytes.NewReader(body), store.Put{})
	if err != nil {
		t.Fatalf("Put(%q): %v", o.Key, err)
	}
	return s
}

func wantKind(t T, what string, err error, want fault.Kind) {
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

// Parses holds what each of some parsers makes of data against want.
func Parses[P any](t *testing.T, data []byte, want P, parsers map[string]func([]byte) (P, error)) {
	t.Helper()
	for name, parse := range parsers {
		t.Run(name, func(t *testing.T) {
			got, err := parse(data)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}
