package storetest

import (
	"bytes"
	"errors"
	"hash/crc64"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Target tests a store.Target, as a source too. open returns an empty bucket each time.
func Target(t *testing.T, open func(t *testing.T) Fixture) {
	Source(t, open)
	run(t, TargetCases(), open)
}

// TargetCases is what the contract of a store.Target has besides that of a Source.
func TargetCases() []Case {
	tests := map[string]func(T, Fixture){}
	for name, test := range map[string]func(T, store.Target){
		"bodies of every size are stored whole":            sizes,
		"a body that fails leaves what was there":          failingBody,
		"a body that is too short leaves what was there":   shortBody,
		"IfAbsent never replaces":                          ifAbsent,
		"attributes survive":                               attributes,
		"metadata of any name and value survives":          metadata,
		"an origin survives and nobody can pretend to one": origin,
		"attributes are set in place of those there were":  setAttributes,
		"attributes of another object are not set":         setAttributesOfAnother,
		"an ETag changes with the content":                 etags,
		"an answer is no earlier than what it stored":      answeredAt,
		"deleting is final, and of nothing is no error":    deleting,
		"keys that cannot be held are refused with a cure": refusedKeys,
		"a Put with a ctx that has ended stores nothing":   cancelledPut,
	} {
		tests[name] = func(t T, f Fixture) {
			b, ok := f.Source.(store.Target)
			if !ok {
				t.Fatalf("the fixture's source is no target")
			}
			test(t, b)
		}
	}
	return cases(tests)
}

func crc(b []byte) string {
	return strconv.FormatUint(crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)), 10)
}

func sizes(t T, b store.Target) {
	for _, n := range []int{0, 1, 1000, 1 << 20, 1<<20 + 1, 5<<20 + 7} {
		body := content(n)
		s := write(t, b, store.Object{Key: "k"}, body)
		if s.CRC64 != "" && s.CRC64 != crc(body) || s.ETag == "" {
			t.Errorf("%d bytes: answer %+v, want CRC64 %s and an ETag", n, s, crc(body))
		}
		if got := Read(t, b, store.Object{Key: "k"}, 0, -1); !bytes.Equal(got, body) {
			t.Errorf("%d bytes: %d came back, or others", n, len(got))
		}
	}
	if _, err := b.Put(t.Context(), store.Object{Key: "nil"}, nil, store.Put{}); err != nil || stat(t, b, "nil").Size != 0 {
		t.Errorf("Put of nothing with no body: %v", err)
	}
}

var errBody = errors.New("the source broke")

func failingBody(t T, b store.Target) {
	old := []byte("what was there")
	write(t, b, store.Object{Key: "k"}, old)
	for _, n := range []int{10, 1 << 20, 3 << 20} {
		for _, at := range []int{0, n / 2, n - 1} {
			for _, key := range []string{"k", "new"} {
				body := io.MultiReader(bytes.NewReader(content(at)), failing{errBody})
				_, err := b.Put(t.Context(), store.Object{Key: key, Size: int64(n)}, body, store.Put{})
				if !errors.Is(err, errBody) {
					t.Errorf("%d bytes that fail at %d: %v, want the body's error in the chain", n, at, err)
				}
			}
		}
	}
	if got := Read(t, b, store.Object{Key: "k"}, 0, -1); !bytes.Equal(got, old) {
		t.Errorf("a failed Put left %q", got)
	}
	_, err := b.Stat(t.Context(), "new")
	wantKind(t, "Stat after failed Puts of a new key", err, fault.NotFound)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func shortBody(t T, b store.Target) {
	write(t, b, store.Object{Key: "k"}, []byte("old"))
	for _, n := range []int{10, 2 << 20} {
		if _, err := b.Put(t.Context(), store.Object{Key: "k", Size: int64(n)}, bytes.NewReader(content(n-1)), store.Put{}); err == nil {
			t.Errorf("a body of %d bytes was taken for %d", n-1, n)
		}
	}
	if got := string(Read(t, b, store.Object{Key: "k"}, 0, -1)); got != "old" {
		t.Errorf("a short Put left %q", got)
	}
}

func ifAbsent(t T, b store.Target) {
	for _, n := range []int{3, 2 << 20} {
		o := store.Object{Key: "k" + strconv.Itoa(n), Size: int64(n)}
		if _, err := b.Put(t.Context(), o, bytes.NewReader(content(n)), store.Put{IfAbsent: true}); err != nil {
			t.Fatalf("the first: %v", err)
		}
		_, err := b.Put(t.Context(), o, bytes.NewReader(make([]byte, n)), store.Put{IfAbsent: true})
		wantKind(t, "the second", err, fault.Changed)
		if got := Read(t, b, store.Object{Key: o.Key}, 0, -1); !bytes.Equal(got, content(n)) {
			t.Errorf("the second replaced the first")
		}
	}
}

func attributes(t T, b store.Target) {
	headers := map[string]string{
		"Cache-Control": "max-age=3600", "Content-Disposition": `attachment; filename="a b.txt"`, "Content-Encoding": "identity",
		"Content-Language": "zh-CN", "Expires": "Thu, 01 Jan 2037 00:00:00 GMT",
	}
	write(t, b, store.Object{Key: "k", Type: "text/x-ferry; charset=utf-8", Header: headers, Class: store.Infrequent}, []byte("x"))
	got := stat(t, b, "k")
	if got.Type != "text/x-ferry; charset=utf-8" || !maps.Equal(got.Header, headers) || got.Class != store.Infrequent {
		t.Errorf("Stat = %+v, want type, headers and class as they were put", got)
	}
}

func metadata(t T, b store.Target) {
	meta := map[string]string{
		"plain": "value", "under_score": "v", "dots.and spaces": "v", "ключ": "значение", "ferry-hash": "not ours", "ferry-x-1": "v",
		"control": "a\x01\nb", "empty": "", "spaces": "  both ends  ", "long": strings.Repeat("x", 2000), "percent": "%41", "utf": "中文 😀",
	}
	s := write(t, b, store.Object{Key: "k", Meta: meta}, []byte("x"))
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %q, want none", s.Warnings)
	}
	if got := stat(t, b, "k"); !maps.Equal(got.Meta, meta) || got.Origin != nil {
		t.Errorf("metadata %q, origin %v\nwant %q, none", got.Meta, got.Origin, meta)
	}
}

func origin(t T, b store.Target) {
	at := time.Unix(1_700_000_000, 123_456_700).UTC()
	for _, want := range []store.Origin{{Hash: "Fto5o-5ea0sNMlW_75VgGJCv2AcJ", Modified: at}, {Modified: at}, {Hash: "F", Modified: at, Job: "Photos_to-new", Place: "0123456789abcdef", Attrs: "fedcba9876543210", Run: "20260102T030405Z"}} {
		write(t, b, store.Object{Key: "k", Origin: &want, Meta: map[string]string{"ferry-time": "mine"}}, []byte("x"))
		got := stat(t, b, "k")
		if got.Origin == nil || *got.Origin != want || got.Meta["ferry-time"] != "mine" {
			t.Errorf("origin %+v, metadata %q, want %+v and the user's own ferry-time", got.Origin, got.Meta, want)
		}
	}
}

func setAttributes(t T, b store.Target) {
	for _, n := range []int{0, 10, 2 << 20} {
		key, body := "a b/"+strconv.Itoa(n)+"+%é", content(n)
		at := time.Unix(1_700_000_000, 0).UTC()
		was := write(t, b, store.Object{Key: key, Type: "text/plain", Header: map[string]string{"Cache-Control": "no-store"}, Meta: map[string]string{"old": "1"}, Origin: &store.Origin{Hash: "F1", Modified: at}}, body)
		want := store.Object{
			Key: key, Hash: was.ETag, Size: int64(n), Type: "image/x-ferry", Header: map[string]string{"Content-Language": "zh-CN"},
			Meta: map[string]string{"new": "2", "ключ": "值"}, Class: store.Infrequent, Origin: &store.Origin{Hash: "F2", Modified: at, Attrs: "0123"},
		}
		s, err := b.SetAttributes(t.Context(), want)
		if err != nil || s.ETag != was.ETag || s.CRC64 != "" && s.CRC64 != crc(body) || len(s.Warnings) > 0 {
			t.Fatalf("%d bytes: %+v, %v, want the ETag %s and the CRC64 %s", n, s, err, was.ETag, crc(body))
		}
		got := stat(t, b, key)
		if got.Type != want.Type || !maps.Equal(got.Header, want.Header) || !maps.Equal(got.Meta, want.Meta) || got.Class != want.Class || got.Origin == nil || *got.Origin != *want.Origin {
			t.Errorf("%d bytes: %+v, want the attributes that were set and no others: %+v", n, got, want)
		}
		if got.Size != int64(n) || got.Hash != was.ETag || got.CRC64 != "" && got.CRC64 != crc(body) || !bytes.Equal(Read(t, b, store.Object{Key: key}, 0, -1), body) {
			t.Errorf("%d bytes: %+v, want its content as it was", n, got)
		}
	}
}

func setAttributesOfAnother(t T, b store.Target) {
	was := write(t, b, store.Object{Key: "k", Type: "text/plain"}, []byte("one"))
	write(t, b, store.Object{Key: "k", Type: "text/plain"}, []byte("two"))
	_, err := b.SetAttributes(t.Context(), store.Object{Key: "k", Hash: was.ETag, Size: 3, Type: "image/png"})
	wantKind(t, "SetAttributes of an object that was replaced", err, fault.Changed)
	if got := stat(t, b, "k"); got.Type != "text/plain" {
		t.Errorf("its type is %s now", got.Type)
	}
	_, err = b.SetAttributes(t.Context(), store.Object{Key: "none", Hash: was.ETag, Size: 3})
	wantKind(t, "SetAttributes of nothing", err, fault.NotFound)
}

func answeredAt(t T, b store.Target) {
	for _, n := range []int{0, 10, 2 << 20} {
		s := write(t, b, store.Object{Key: "k"}, content(n))
		wantAnswered(t, b, "Put", s)
		s, err := b.SetAttributes(t.Context(), store.Object{Key: "k", Hash: s.ETag, Size: int64(n), Type: "image/png"})
		if err != nil {
			t.Fatalf("SetAttributes of %d bytes: %v", n, err)
		}
		wantAnswered(t, b, "SetAttributes", s)
	}
}

// wantAnswered wants s, the answer to op on "k", to be of the second of what "k" is, or later.
func wantAnswered(t T, b store.Target, op string, s store.Stored) {
	if at := stat(t, b, "k").Modified.Truncate(time.Second); s.At.Before(at) || s.At.Sub(at) > time.Hour {
		t.Errorf("%s was answered at %v, and stored at %v", op, s.At, at)
	}
}

func etags(t T, b store.Target) {
	first := write(t, b, store.Object{Key: "k"}, []byte("one"))
	if got := stat(t, b, "k").Hash; got != first.ETag {
		t.Errorf("Stat tells %q, Put told %q", got, first.ETag)
	}
	if second := write(t, b, store.Object{Key: "k"}, []byte("two")); second.ETag == first.ETag {
		t.Errorf("the ETag %q is that of other content too", second.ETag)
	}
}

func deleting(t T, b store.Target) {
	write(t, b, store.Object{Key: "k"}, []byte("x"))
	for range 2 {
		if err := b.Delete(t.Context(), "k"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	_, err := b.Stat(t.Context(), "k")
	wantKind(t, "Stat of what was deleted", err, fault.NotFound)
}

func refusedKeys(t T, b store.Target) {
	for _, key := range Awkward {
		if err := b.CheckKey(key); err != nil {
			t.Errorf("CheckKey(%q) = %v, want nil", key, err)
		}
	}
	for _, key := range []string{"", "/lead", `\back`, strings.Repeat("k", 1024)} {
		if err := b.CheckKey(key); err != nil {
			wantKind(t, "CheckKey", err, fault.Invalid)
			_, err = b.Put(t.Context(), store.Object{Key: key, Size: 1}, strings.NewReader("x"), store.Put{})
			wantKind(t, "Put of a refused key", err, fault.Invalid)
		}
	}
}

func cancelledPut(t T, b store.Target) {
	for _, n := range []int{10, 2 << 20} {
		if _, err := b.Put(cancelled(t.Context()), store.Object{Key: "k", Size: int64(n)}, bytes.NewReader(content(n)), store.Put{}); err == nil {
			t.Errorf("Put of %d bytes with a ctx that had ended succeeded", n)
		}
	}
	_, err := b.Stat(t.Context(), "k")
	wantKind(t, "Stat", err, fault.NotFound)
}
