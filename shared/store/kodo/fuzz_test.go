package kodo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// FuzzNotices reads any bytes as a notification: what is taken names keys, each once;
// what is not is Invalid, and its error repeats nothing of it.
func FuzzNotices(f *testing.F) {
	for _, body := range []string{
		`{"Message":"{\"bucket\":\"b\",\"key\":\"k\",\"dest_bucket\":\"c\",\"dest_key\":\"d\"}"}`, `[[{"bucket":"b","key":"k"},{"bucket":"b","key":"k"}]]`,
		"bucket=b&key=k%2F", strings.Repeat("[", 9999), `{"a":{"b":{"c":{"d":{"e":{"f":{"bucket":"b","key":"k"}}}}}}}`, `{"bucket":1,"key":null}`, "\xff",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := Notices(body)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || len(err.Error()) > 200 {
				t.Fatalf("%q: %v, want a short Invalid error", body, err)
			}
			return
		}
		seen := map[Notice]bool{}
		for _, n := range all {
			if n.Bucket == "" || n.Key == "" || seen[n] {
				t.Errorf("%q: notices %+v", body, all)
			}
			seen[n] = true
		}
	})
}

// FuzzAnswers lets Kodo answer with any status, type and body to each question: no
// success without its document, and an error of a known kind, that tells no secret.
func FuzzAnswers(f *testing.F) {
	b, say := answering(f)
	asks := []func(t *testing.T) error{
		func(t *testing.T) error { _, err := drain(t, b, store.Range{Prefix: "p"}); return err },
		func(t *testing.T) error { _, err := b.Stat(t.Context(), "k"); return err },
		func(t *testing.T) error { _, err := b.Usage(t.Context()); return err },
		func(t *testing.T) error { _, err := b.Rules(t.Context()); return err },
		func(t *testing.T) error { _, err := b.query(t.Context(), 0); return err },
		func(t *testing.T) error {
			return b.askSome(t.Context(), []store.Object{{Key: "a"}, {Key: "b"}}, []int{0, 1})
		},
		func(t *testing.T) error {
			_, body, err := b.Open(t.Context(), store.Object{Key: "k", Size: 3, Hash: "h"}, 0, -1)
			return drained(body, err)
		},
		func(t *testing.T) error {
			_, body, err := b.Open(t.Context(), store.Object{Key: "k", Size: 9}, 1, 2)
			return drained(body, err)
		},
		func(t *testing.T) error { return b.Check(t.Context()) },
	}
	for _, body := range []string{
		string(pageJSON("", itemJSON("a"), fullItem)), `{"fsize":3,"hash":"h","putTime":17000000000000000,"type":2,"restoreStatus":2,"x-qn-meta":{"!Cache-Control":"x"},"parts":[1,2]}`,
		`{"times":[1],"datas":[2]}`, `[{"name":"r","event":["put"],"callback_urls":["https://h/"]}]`, `{"hosts":[{"rs":{"domains":["rs.example.com"]}}]}`,
		`[{"code":200,"data":{"restoreStatus":2}},{"code":612}]`, "abc", `{"error":"token=abc&e=1"}`, "<html>", "",
	} {
		for ask := range asks {
			f.Add(uint8(ask), uint16(0), "application/json", []byte(body))
		}
	}
	f.Add(uint8(0), uint16(373), "", []byte(`{"error":"busy"}`))
	f.Add(uint8(7), uint16(6), "bytes 1-2/9", []byte("bc"))
	f.Fuzz(func(t *testing.T, ask uint8, status uint16, header string, body []byte) {
		status = 200 + status%500
		say(int(status), http.Header{"Content-Type": {"application/json"}, "Content-Range": {header}, "Etag": {header}, "X-Qn-Meta-A": {header}, "Last-Modified": {header}}, body)
		err := asks[int(ask)%len(asks)](t)
		if err == nil && status/100 != 2 && status != 416 {
			t.Errorf("question %d: the status %d with %q is a success", ask, status, body)
		}
		if k := fault.KindOf(err); k == fault.Unknown {
			t.Errorf("question %d, status %d, %q: %v, which is of no kind", ask, status, body, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary-secret") {
			t.Errorf("question %d, status %d, %q: the error %v tells the secret key", ask, status, body, err)
		}
	})
}

// answering is a bucket whose every question is answered by what was said last.
func answering(f *testing.F) (*Bucket, func(status int, h http.Header, body []byte)) {
	var status int
	var header http.Header
	var said []byte
	w := wire(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body) // in memory
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: header.Clone(), ContentLength: int64(len(said)), Body: io.NopCloser(bytes.NewReader(said)),
		}, nil
	})
	b := opentest.Bucket(f, Open, Config{Bucket: "b", Endpoint: "https://kodo.example.com", Domain: "https://d.example.com", AccessKey: "ak", SecretKey: "canary-secret", Transport: w})
	return b, func(s int, h http.Header, body []byte) { status, header, said = s, h, body }
}

func drained(body io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	_, err = io.Copy(io.Discard, body)
	return err
}

// FuzzMarker makes a marker of any key: it holds the key where JSON can carry it, and
// what sorts before it, or is it, where not.
func FuzzMarker(f *testing.F) {
	for _, key := range []string{"a", "a/<b>&\u2028", "\x00\xff", "é\xc3", "\ufffd"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		marker := startMarker(store.UTF8Prefix(key))
		if store.UTF8Prefix(key) == "" {
			if marker != "" {
				t.Errorf("no key has the marker %q", marker)
			}
			return
		}
		raw, err := base64.URLEncoding.DecodeString(marker)
		var m struct {
			C int
			K string
		}
		if err != nil || json.Unmarshal(raw, &m) != nil || m.K != store.UTF8Prefix(key) || m.K > key || m.C != 0 {
			t.Errorf("%q has the marker %q, which holds %+v, %v", key, raw, m, err)
		}
	})
}

// FuzzMeta sorts any metadata of Kodo into headers and user metadata: each has one place.
func FuzzMeta(f *testing.F) {
	for _, name := range []string{"x-qn-meta-A", "!Cache-Control", "x-qn-meta-!content-type", "!", "", "x-qn-meta-!X-Odd", "Ünï"} {
		f.Add(name, "value")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		var o store.Object
		setMeta(&o, name, value)
		places := len(o.Header) + len(o.Meta)
		if o.Type == value && value != "" {
			places++
		}
		if places > 1 || places == 0 && value != "" {
			t.Errorf("%q: %q is kept in %d places: %+v", name, value, places, o)
		}
		setMeta(&o, name, value)
		if len(o.Warnings) > 0 {
			t.Errorf("%q: %q twice alike has the warnings %q", name, value, o.Warnings)
		}
	})
}

// FuzzRefusal words any answer that is no success: short, on one line, without a signature.
func FuzzRefusal(f *testing.F) {
	for _, text := range []string{`{"error":"no such file"}`, "token=a:b&e=1", "<html>", `{"error":"http://h/k?e=1&token=x"}`, "Token=\n\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := errorText(raw)
		if len(text) > 1000 || strings.ContainsAny(text, "\n\r\x00") {
			t.Errorf("%q is worded as %q", raw, text)
		}
		if fault.Unsigned(text) != text {
			t.Errorf("%q is worded as %q, in which is still something to redact: %q", raw, text, fault.Unsigned(text))
		}
	})
}
