package s3

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

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
	body := io.NopCloser(bytes.NewReader(a.body))
	if r.Method == http.MethodHead {
		body = http.NoBody
	}
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: body}, nil
}

// FuzzPage reads any document as a page of a listing, encoded or not: its entries have
// keys and sizes.
func FuzzPage(f *testing.F) {
	for _, page := range []string{
		listing(last, contents("a b"), contents("c+d"), contents("e%20f")), listing(encoded, last, contents("a%2Fb+c")), listing(last, contents("a&#x3;b&amp;")),
		listing("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"), "<ListBucketResult/>", "<Error/>", "",
	} {
		f.Add([]byte(page), false)
		f.Add([]byte(page), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		p, err := parsePage(data, plain)
		if err != nil {
			return
		}
		for _, o := range p.objects {
			if o.Key == "" || o.Size < 0 {
				t.Errorf("%q has the entry %+v", data, o)
			}
		}
		for _, i := range p.ask {
			if i >= len(p.objects) || !p.objects[i].Frozen {
				t.Errorf("%q is to be asked of entry %d of %d", data, i, len(p.objects))
			}
		}
	})
}

// FuzzAnswers lets an S3 service answer with any status, headers and body to each
// question: no success of another status, and an error of a known kind that is short,
// on one line, and tells no secret.
func FuzzAnswers(f *testing.F) {
	a := &answers{}
	b, err := Open(Config{Bucket: "b", Region: "us-east-1", Endpoint: "https://s3.example.com", Credentials: keys, Variables: "ID and SECRET", Transport: a})
	if err != nil {
		f.Fatal(err)
	}
	b.Hurry()
	asks := []func(t *testing.T) error{
		func(t *testing.T) error { _, err := drain(t, b, store.Range{}); return err },
		func(t *testing.T) error { _, err := b.Stat(t.Context(), "k"); return err },
		func(t *testing.T) error {
			_, body, err := b.Open(t.Context(), store.Object{Key: "k", Size: 3, Hash: "h"}, 0, -1)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			_, err = io.Copy(io.Discard, body)
			return err
		},
		func(t *testing.T) error {
			_, _, err := b.Open(t.Context(), store.Object{Key: "k", Size: 9}, 1, 2)
			return err
		},
		func(t *testing.T) error { return b.Check(t.Context()) },
	}
	refused := []byte("<Error><Code>AccessDenied</Code><Message>no\ns3cr3t" + strings.Repeat("x", 5000) + "</Message><Region>r</Region><RequestId>r</RequestId></Error>")
	for ask := range asks {
		for _, body := range []string{listing(last, contents("a")), "abc", ""} {
			f.Add(uint8(ask), uint16(0), "3", []byte(body))
		}
		f.Add(uint8(ask), uint16(203), "=?utf-8?q?a?=", refused)
		f.Add(uint8(ask), uint16(101), "https://elsewhere/", refused)
	}
	f.Add(uint8(3), uint16(6), "bytes 1-2/9", []byte("bc"))
	f.Fuzz(func(t *testing.T, ask uint8, status uint16, header string, body []byte) {
		a.status, a.body = 200+int(status)%500, body
		a.header = http.Header{}
		for _, name := range []string{"Content-Length", "Content-Range", "Etag", "Last-Modified", "X-Amz-Meta-A", "Location", "Date", "X-Amz-Request-Id", "X-Amz-Storage-Class", "X-Amz-Restore", "X-Amz-Bucket-Region", "Ferry-Refused", "Retry-After", "Expires"} {
			a.header.Set(name, header)
		}
		err := asks[int(ask)%len(asks)](t)
		if err == nil {
			if a.status/100 != 2 && a.status != 416 {
				t.Errorf("question %d: the status %d with %q is a success", ask, a.status, body)
			}
			return
		}
		text := err.Error()
		if k := fault.KindOf(err); k == fault.Unknown {
			t.Errorf("question %d, status %d, %q, %q: %v, which is of no kind", ask, a.status, header, body, err)
		}
		if len(text) > 4096 || strings.ContainsAny(text, "\n\r\x00\x1b") {
			t.Errorf("question %d, status %d: an error of %d bytes: %.2000q", ask, a.status, len(text), text)
		}
		if strings.Contains(text, "s3cr3t") {
			t.Errorf("question %d, status %d: the error %v tells a secret", ask, a.status, err)
		}
	})
}
