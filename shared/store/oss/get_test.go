package oss

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const testETag = "5B3C1A2E053D763E1B002CC607C5A0FE"

// object serves content with the headers OSS sends.
func object(content string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+testETag+`"`)
		w.Header().Set("x-oss-object-type", "Normal")
		w.Header().Set("x-oss-storage-class", "Standard")
		w.Header().Set("x-oss-hash-crc64ecma", "42")
		w.Header().Set("Content-Type", "text/plain")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		http.ServeContent(w, r, "", time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), strings.NewReader(content))
	}
}

func TestStatReadsEveryAttribute(t *testing.T) {
	b := serve(t, object("hello", "x-oss-storage-class", "ColdArchive", "x-oss-restore", `ongoing-request="true"`, "Expires", "soon",
		"Cache-Control", "no-cache", "x-oss-meta-a", "b", "x-oss-meta-ferry-hash", "Fh", "x-oss-meta-ferry-time", "2020-01-01T00:00:00.0000001Z"))
	got, err := b.Stat(t.Context(), "k")
	want := store.Object{
		Key: "k", Size: 5, Hash: testETag, MD5: strings.ToLower(testETag), CRC64: "42", Type: "text/plain",
		Modified: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), Class: store.DeepArchive, Frozen: true,
		Header: map[string]string{"Expires": "soon", "Cache-Control": "no-cache"}, Meta: map[string]string{"a": "b"},
		Origin: &store.Origin{Hash: "Fh", Modified: time.Date(2020, 1, 1, 0, 0, 0, 100, time.UTC)},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestStatOfPartsHasNoMD5(t *testing.T) {
	b := serve(t, object("hello", "x-oss-object-type", "Multipart"))
	got, err := b.Stat(t.Context(), "k")
	if err != nil || got.MD5 != "" || got.Hash != testETag {
		t.Errorf("got %+v, %v, want a Hash and no MD5", got, err)
	}
}

func TestStatTriesAgain(t *testing.T) {
	calls := 0
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(500)
			return
		}
		object("hello")(w, r)
	})
	if got, err := b.Stat(t.Context(), "k"); err != nil || got.Size != 5 || calls != 3 {
		t.Errorf("got %+v, %v after %d requests, want an object after 3", got, err, calls)
	}
}

func TestOpenStreamsRanges(t *testing.T) {
	const content = "0123456789"
	for name, tc := range map[string]struct {
		off, n int64
		want   string
	}{
		"all":              {0, -1, content},
		"the first":        {0, 3, "012"},
		"the middle":       {2, 3, "234"},
		"to the end":       {8, -1, "89"},
		"nothing":          {5, 0, ""},
		"more than exists": {8, 5, "89"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: object(content)}
			b := serve(t, rec.ServeHTTP)
			obj, body, err := b.Open(t.Context(), store.Object{Key: "k", Hash: testETag}, tc.off, tc.n)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			if string(got) != tc.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
			if obj.Size != 10 || obj.CRC64 != "42" || obj.Hash != testETag {
				t.Errorf("got %+v, want the whole object described", obj)
			}
			r := rec.one(t)
			if r.header.Get("If-Match") != `"`+testETag+`"` || r.header.Get("Accept-Encoding") != "identity" {
				t.Errorf("got %v, want If-Match and no compression", r.header)
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		hash   string
		off, n int64
		kind   fault.Kind
	}{
		"missing":                     {refuse(404, "NoSuchKey", ""), "", 0, -1, fault.NotFound},
		"another ETag":                {object("x"), "OTHER", 0, -1, fault.Changed},
		"another ETag, not held back": {func(w http.ResponseWriter, r *http.Request) { r.Header.Del("If-Match"); object("x")(w, r) }, "OTHER", 0, -1, fault.Changed},
		"frozen":                      {refuse(403, "InvalidObjectState", ""), "", 0, -1, fault.Denied},
		"frozen, nothing asked":       {object("x", "x-oss-storage-class", "Archive"), "", 0, 0, fault.Denied},
		"behind the end":              {object("x"), "", 5, -1, fault.Invalid},
		"a range that is ignored":     {func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Range"); object("0123")(w, r) }, "", 1, 2, fault.Temporary},
		"a negative offset":           {object("x"), "", -1, 2, fault.Invalid},
		"busy":                        {refuse(503, "ServiceUnavailable", ""), "", 0, -1, fault.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			b := serve(t, func(w http.ResponseWriter, r *http.Request) { calls++; tc.answer(w, r) })
			_, _, err := b.Open(t.Context(), store.Object{Key: "k", Hash: tc.hash}, tc.off, tc.n)
			wantKind(t, "Open", err, tc.kind)
			if calls > 1 {
				t.Errorf("got %d requests, want one", calls)
			}
		})
	}
}

func TestOpenOfWhatBreaksOffFails(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("01234"))
	})
	_, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	wantKind(t, "Read", err, fault.Temporary)
	if string(got) != "01234" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v, want what came and an unexpected end", got, err)
	}
}

func TestOpenOfWhatGoesSilentFails(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	b.trip = store.NewTransport(time.Minute, 100*time.Millisecond, time.Minute)
	_, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	_, err = io.ReadAll(body)
	wantKind(t, "Read", err, fault.Temporary)
	if !errors.Is(err, store.ErrStalled) {
		t.Errorf("got %v, want %v in the chain", err, store.ErrStalled)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, body, err := b.Open(ctx, store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	cancel()
	_, err = io.ReadAll(body)
	wantKind(t, "Read", err, fault.Temporary)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled in the chain", err)
	}
}

func TestOpenDoesNotDecompress(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("hello"))
	_ = z.Close()
	b := serve(t, object(packed.String(), "Content-Encoding", "gzip", "Content-Length", "29"))
	obj, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, packed.Bytes()) || obj.Header["Content-Encoding"] != "gzip" || obj.Size != int64(packed.Len()) {
		t.Errorf("got %d bytes, %v, %+v, want the %d that are stored", len(got), err, obj, packed.Len())
	}
}

func TestDelete(t *testing.T) {
	answered(t, "Delete", map[string]ending{
		"there":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		"missing":       {refuse(404, "NoSuchKey", ""), ""},
		"no bucket":     {refuse(404, "NoSuchBucket", ""), fault.NotFound},
		"not permitted": {refuse(403, "AccessDenied", ""), fault.Denied},
	}, func(b *Bucket) error { return b.Delete(t.Context(), "k") })
}

// ending is what a service answers, and the kind of error that a request for it ends with.
type ending struct {
	with http.HandlerFunc
	kind fault.Kind
}

// answered holds what ask makes of each answer against its kind.
func answered(t *testing.T, op string, all map[string]ending, ask func(b *Bucket) error) {
	t.Helper()
	for name, a := range all {
		t.Run(name, func(t *testing.T) { wantKind(t, op, ask(serve(t, a.with)), a.kind) })
	}
}
