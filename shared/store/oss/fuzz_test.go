package oss

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// answers is a transport that answers every request with what it holds.
type answers struct {
	status int
	header http.Header
	body   []byte
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body) // in memory
		_ = r.Body.Close()
	}
	body := io.NopCloser(bytes.NewReader(a.body))
	if r.Method == http.MethodHead {
		body = http.NoBody
	}
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: body}, nil
}

// FuzzAnswers lets OSS answer with any status, headers and body to each question: no
// success of another status, and an error of a known kind that is short, on one line,
// and tells no secret.
func FuzzAnswers(f *testing.F) {
	b, err := Open(Config{Bucket: "bucket", Region: "cn-hangzhou", Endpoint: "https://oss.example.com", PathStyle: true, Credentials: testKeys})
	if err != nil {
		f.Fatal(err)
	}
	a := &answers{}
	b.trip, b.pause = a, func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	asks := []func(t *testing.T) error{
		func(t *testing.T) error {
			for _, err := range b.List(t.Context(), store.Range{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		func(t *testing.T) error { _, err := b.Stat(t.Context(), "k"); return err },
		func(t *testing.T) error { _, err := b.Parts(t.Context(), "k", "U"); return err },
		func(t *testing.T) error { _, _, err := b.Begin(t.Context(), store.Object{Key: "k"}); return err },
		func(t *testing.T) error { _, err := b.Versioned(t.Context()); return err },
		func(t *testing.T) error { _, err := b.Retention(t.Context()); return err },
		func(t *testing.T) error { _, err := b.Unfinished(t.Context(), "k"); return err },
		func(t *testing.T) error {
			_, err := b.Finish(t.Context(), "k", "U", []store.Part{{Number: 1, ETag: "A"}}, store.Put{})
			return err
		},
		func(t *testing.T) error {
			_, err := b.Put(t.Context(), store.Object{Key: "k", Size: 3}, strings.NewReader("abc"), store.Put{IfAbsent: true})
			return err
		},
		func(t *testing.T) error {
			_, body, err := b.Open(t.Context(), store.Object{Key: "k", Size: 3}, 1, 2)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			_, err = io.Copy(io.Discard, body)
			return err
		},
		func(t *testing.T) error { return b.Delete(t.Context(), "k") },
		func(t *testing.T) error { return b.Check(t.Context()) },
	}
	for _, body := range []string{
		string(pageXML(false, "", contentXML("a"))), string(pageXML(true, "t", contentXML("a"))), "abc", "",
		"<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>\"A\"</ETag><Size>1</Size></Part></ListPartsResult>",
		"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>", "<VersioningConfiguration/>",
		"<CompleteMultipartUploadResult><ETag>\"A-1\"</ETag></CompleteMultipartUploadResult>", "<WormConfiguration><State>Locked</State><RetentionPeriodInDays>3</RetentionPeriodInDays></WormConfiguration>",
		"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>k</Key><UploadId>U</UploadId><Initiated>2026-01-31T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>",
	} {
		for ask := range asks {
			f.Add(uint8(ask), uint16(0), "3", []byte(body))
		}
	}
	refused := []byte("<Error><Code>AccessDenied</Code><Message>no\n" + testSecret + strings.Repeat("x", 5000) + "</Message><RequestId>r</RequestId><EC>1</EC></Error>")
	for ask := range asks {
		f.Add(uint8(ask), uint16(203), base64.StdEncoding.EncodeToString(refused), refused)
	}
	f.Add(uint8(9), uint16(6), "bytes 1-2/3", []byte("bc"))
	f.Fuzz(func(t *testing.T, ask uint8, status uint16, header string, body []byte) {
		a.status, a.body = 200+int(status)%500, body
		a.header = http.Header{}
		for _, name := range []string{"Content-Length", "Content-Range", "Etag", "Last-Modified", "X-Oss-Meta-Ferry-Time", "X-Oss-Meta-A", "X-Oss-Err", "X-Oss-Ec", "X-Oss-Hash-Crc64ecma", "X-Oss-Qos-Delay-Time", "Location", "Date", "X-Oss-Request-Id", "X-Oss-Storage-Class", "X-Oss-Restore"} {
			a.header.Set(name, header)
		}
		err := asks[int(ask)%len(asks)](t)
		if err == nil && a.status/100 != 2 && a.status != 404 {
			t.Errorf("question %d: the status %d with %q is a success", ask, a.status, body)
		}
		if err == nil {
			return
		}
		text := err.Error()
		if k := fault.KindOf(err); k == "" || k == fault.Unknown && a.status/100 != 2 {
			t.Errorf("question %d, status %d, %q, %q: %v, which is of no kind", ask, a.status, header, body, err)
		}
		if len(text) > 4096 || strings.ContainsAny(text, "\n\r\x00\x1b") {
			t.Errorf("question %d, status %d: an error of %d bytes: %.2000q", ask, a.status, len(text), text)
		}
		for _, secret := range []string{testSecret, testKeys().SecurityToken} {
			if strings.Contains(text, secret) {
				t.Errorf("question %d, status %d: the error %v tells a secret", ask, a.status, err)
			}
		}
	})
}

// FuzzMeta keeps any metadata and origin as headers of OSS, which are read as the same.
func FuzzMeta(f *testing.F) {
	for _, s := range []string{"name", "My_Name", "ferry-hash", "ferry-x--4dy", "UTF-8''%41", " lead", "é中", "\x00\xff", ""} {
		f.Add(s, s, s, int64(len(s)))
	}
	f.Fuzz(func(t *testing.T, name, value, hash string, at int64) {
		if 9*len(name)+6*len(value)+6*len(hash) > 7000 {
			return // escaped, and once more in the origin: over OSS's limit, an entry is left out with a warning
		}
		meta := map[string]string{name: value, "other": hash}
		for _, origin := range []*store.Origin{nil, {Hash: hash, Modified: time.Unix(at%1e10, at&0xffff).UTC(), Job: value, Place: name}} {
			h := newHeaders()
			if w := encodeMeta(h, meta, origin); len(w) > 0 {
				t.Fatalf("%q: %q has the warnings %q", name, value, w)
			}
			wire := http.Header{}
			for name, values := range h.all {
				for _, v := range values {
					if strings.ContainsAny(v, "\r\n\x00") || strings.TrimSpace(v) != v {
						t.Fatalf("%q: %q travels as %q", name, value, v)
					}
				}
				wire[http.CanonicalHeaderKey(strings.ToLower(name))] = values // OSS keeps them in lower case
			}
			got, back := decodeMeta(wire)
			if !maps.Equal(got, meta) || !reflect.DeepEqual(back, origin) {
				t.Errorf("%q and %+v travel as %q and are read as %q and %+v", meta, origin, wire, got, back)
			}
			h.back()
		}
	})
}
