package storetest

import (
	"bytes"
	"slices"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// uploader is a target that takes parts.
type uploader interface {
	store.Target
	store.Multipart
}

// Multipart tests a store.Multipart on a target that is one too.
func Multipart(t *testing.T, open func(t *testing.T) Fixture) { run(t, MultipartCases(), open) }

// MultipartCases is the contract of a store.Multipart.
func MultipartCases() []Case {
	tests := map[string]func(T, Fixture){}
	for name, test := range map[string]func(T, uploader){
		"parts make an object, which is not visible before": partsMakeAnObject,
		"a part that was replaced is noticed at the end":    replacedPart,
		"an upload that is gone is NotFound":                goneUpload,
		"IfAbsent never replaces, by parts either":          finishIfAbsent,
		"attributes travel with the upload":                 partAttributes,
	} {
		tests[name] = func(t T, f Fixture) {
			b, ok := f.Source.(uploader)
			if !ok {
				t.Fatalf("the fixture's source takes no parts")
			}
			test(t, b)
		}
	}
	return cases(tests)
}

const partSize = 200_000 // above OSS's least of 100 KB

// upload begins an upload of n parts and returns its id, parts and content.
func upload(t T, b uploader, o store.Object, n int) (string, []store.Part, []byte) {
	t.Helper()
	id, _, err := b.Begin(t.Context(), o)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	var parts []store.Part
	var all []byte
	for i := range n {
		data := content(partSize + i)
		p, err := b.PutPart(t.Context(), o.Key, id, i+1, bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("PutPart: %v", err)
		}
		if p.Number != i+1 || p.Size != int64(len(data)) || p.ETag == "" || p.CRC64 != "" && p.CRC64 != crc(data) {
			t.Errorf("part %+v, want number %d, %d bytes, CRC64 %s", p, i+1, len(data), crc(data))
		}
		parts, all = append(parts, p), append(all, data...)
	}
	return id, parts, all
}

func partsMakeAnObject(t T, b uploader) {
	id, parts, want := upload(t, b, store.Object{Key: "k"}, 3)
	_, err := b.Stat(t.Context(), "k")
	wantKind(t, "Stat before Finish", err, fault.NotFound)
	listed, err := b.Parts(t.Context(), "k", id)
	if err != nil {
		t.Fatalf("%v", err)
	}
	same := func(a, c store.Part) bool { return a.Number == c.Number && a.Size == c.Size && a.ETag == c.ETag }
	if !slices.EqualFunc(listed, parts, same) {
		t.Errorf("Parts = %+v, want %+v", listed, parts)
	}
	s, err := b.Finish(t.Context(), "k", id, parts, store.Put{})
	if err != nil || s.CRC64 != "" && s.CRC64 != crc(want) {
		t.Fatalf("Finish = %+v, %v, want CRC64 %s", s, err, crc(want))
	}
	if got := Read(t, b, store.Object{Key: "k"}, 0, -1); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, want %d", len(got), len(want))
	}
	if got := stat(t, b, "k").Hash; got != s.ETag {
		t.Errorf("Stat tells %q, Finish told %q", got, s.ETag)
	}
	wantAnswered(t, b, "Finish", s)
}

func replacedPart(t T, b uploader) {
	id, parts, _ := upload(t, b, store.Object{Key: "k"}, 2)
	other := make([]byte, partSize)
	if _, err := b.PutPart(t.Context(), "k", id, 1, bytes.NewReader(other), partSize); err != nil {
		t.Fatalf("%v", err)
	}
	_, err := b.Finish(t.Context(), "k", id, parts, store.Put{})
	wantKind(t, "Finish with a part that was replaced", err, fault.Invalid)
}

func goneUpload(t T, b uploader) {
	id, parts, _ := upload(t, b, store.Object{Key: "k"}, 1)
	for range 2 {
		if err := b.Abort(t.Context(), "k", id); err != nil {
			t.Errorf("Abort: %v", err)
		}
	}
	_, err := b.Finish(t.Context(), "k", id, parts, store.Put{})
	wantKind(t, "Finish of an aborted upload", err, fault.NotFound)
	_, err = b.Parts(t.Context(), "k", id)
	wantKind(t, "Parts of an aborted upload", err, fault.NotFound)
	_, err = b.PutPart(t.Context(), "k", id, 1, bytes.NewReader(content(partSize)), partSize)
	wantKind(t, "PutPart of an aborted upload", err, fault.NotFound)
}

func finishIfAbsent(t T, b uploader) {
	id, parts, _ := upload(t, b, store.Object{Key: "k"}, 1)
	write(t, b, store.Object{Key: "k"}, []byte("another's"))
	_, err := b.Finish(t.Context(), "k", id, parts, store.Put{IfAbsent: true})
	wantKind(t, "Finish where a key appeared", err, fault.Changed)
	if got := string(Read(t, b, store.Object{Key: "k"}, 0, -1)); got != "another's" {
		t.Errorf("the key holds %q, want another's bytes", got)
	}
}

func partAttributes(t T, b uploader) {
	o := store.Object{Key: "k", Type: "video/mp4", Meta: map[string]string{"owner": "é"}, Origin: &store.Origin{Hash: "h"}}
	id, parts, _ := upload(t, b, o, 1)
	if _, err := b.Finish(t.Context(), "k", id, parts, store.Put{}); err != nil {
		t.Fatalf("%v", err)
	}
	if got := stat(t, b, "k"); got.Type != o.Type || got.Meta["owner"] != "é" || got.Origin == nil || got.Origin.Hash != "h" {
		t.Errorf("Stat = %+v, want what the upload began with", got)
	}
}
