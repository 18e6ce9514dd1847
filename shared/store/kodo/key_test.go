package kodo

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/store"
)

func TestAKeyIsSentByteForByte(t *testing.T) {
	const seed = 21
	rnd := rand.New(rand.NewPCG(seed, 1))
	keys := []string{"", "/", "//", "a//b", "/lead", "..", "a/../b", "./a", "a/.", "a b+c", "%2F%", "#?&=;", "[\"<>]", "\x00\x01\n\r\x7f", "中文/é", "\xff\xfe"}
	for range 200 {
		key := make([]byte, rnd.IntN(12))
		for i := range key {
			key[i] = byte(rnd.IntN(256))
		}
		keys = append(keys, string(key))
	}
	sign := auth.New("ak", "sk")
	b := fake(t, func(w http.ResponseWriter, r *http.Request) {
		path, query, _ := strings.Cut(r.RequestURI, "?")
		key, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
		signed, token, _ := strings.Cut("http://"+r.Host+r.RequestURI, "&token=")
		if err != nil || token != sign.Sign([]byte(signed)) || !strings.HasPrefix(query, "e=") {
			t.Errorf("asked for %q: %v, want it signed as it was sent", r.RequestURI, err)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding is %q, want identity", got)
		}
		_, _ = io.WriteString(w, key)
	})
	for _, key := range keys {
		_, body, err := b.Open(t.Context(), store.Object{Key: key}, 0, -1)
		if err != nil {
			t.Fatalf("seed %d: Open(%q): %v", seed, key, err)
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != key {
			t.Errorf("seed %d: %q arrived as %q, %v", seed, key, got, err)
		}
		_ = body.Close()
	}
}

func FuzzEscapeIsUndoneByEveryone(f *testing.F) {
	for _, s := range []string{"", "a/b", "a+b c", "%", "\xff", "中", "a?b#c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		e := escape(key)
		if got, err := url.PathUnescape(e); err != nil || got != key {
			t.Errorf("escape(%q) = %q, which is %q, %v", key, e, got, err)
		}
		if got, err := url.QueryUnescape(e); err != nil || got != key {
			t.Errorf("escape(%q) = %q, which as a query is %q, %v", key, e, got, err)
		}
		if u := (&url.URL{Path: "/" + key, RawPath: "/" + e}); u.EscapedPath() != "/"+e {
			t.Errorf("escape(%q) = %q, which net/url would send as %q", key, e, u.EscapedPath())
		}
	})
}

func TestAMarkerIsMadeOfAnyKey(t *testing.T) {
	const seed = 12
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 5_000 {
		key := make([]rune, 1+rnd.IntN(12))
		for i := range key {
			key[i] = []rune("a/\\\"\x00\x1f\x7fé中😀\u2028<>&")[rnd.IntN(14)]
		}
		raw, err := base64.URLEncoding.DecodeString(startMarker(string(key)))
		var m map[string]any
		if err = errors.Join(err, json.Unmarshal(raw, &m)); err != nil || len(m) != 2 || m["c"] != 0.0 || m["k"] != string(key) {
			t.Fatalf("seed %d: the marker of %q is %q, %v", seed, string(key), raw, err)
		}
	}
	if got := startMarker(""); got != "" {
		t.Errorf("the marker of nothing is %q, want none", got)
	}
	if got, want := startMarker("a<b"), base64.URLEncoding.EncodeToString([]byte(`{"c":0,"k":"a<b"}`)); got != want {
		t.Errorf("got %q, want %q: as Kodo writes it", got, want)
	}
}
