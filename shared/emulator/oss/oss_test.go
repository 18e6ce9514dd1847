package oss_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/emulator/oss"
)

const (
	bucketName = "bucket-1"
	keyID      = "LTAIexample"
	keySecret  = "secret"
)

// start returns a server with an empty bucket.
func start(t testing.TB, change ...func(*oss.Config)) *oss.Server {
	t.Helper()
	s := opentest.Start(t, oss.Start, oss.Config{AccessKeyID: keyID, AccessKeySecret: keySecret, Seed: 1}, change...)
	if err := s.CreateBucket(bucketName); err != nil {
		t.Fatal(err)
	}
	return s
}

func connect(t testing.TB, s *oss.Server, options ...sdk.ClientOption) *sdk.Client {
	t.Helper()
	c, err := sdk.New(s.Endpoint(), keyID, keySecret, append([]sdk.ClientOption{sdk.Region(s.Region())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, s *oss.Server, options ...sdk.ClientOption) *sdk.Bucket {
	t.Helper()
	b, err := connect(t, s, options...).Bucket(bucketName)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// each runs a test with every version of signatures.
func each(t *testing.T, test func(t *testing.T, version sdk.ClientOption)) {
	for name, v := range map[string]sdk.AuthVersionType{"V1": sdk.AuthV1, "V2": sdk.AuthV2, "V4": sdk.AuthV4} {
		t.Run(name, func(t *testing.T) { test(t, sdk.AuthVersion(v)) })
	}
}

// wantCode checks an error of the SDK for status and code.
func wantCode(t *testing.T, what string, err error, status int, code string) {
	t.Helper()
	e, ok := errors.AsType[sdk.ServiceError](err)
	if !ok {
		t.Fatalf("%s: got %v, want %d %s", what, err, status, code)
	}
	if e.StatusCode != status || e.Code != code {
		t.Errorf("%s: got %d %s, want %d %s", what, e.StatusCode, e.Code, status, code)
	}
	if e.RequestID == "" || e.Ec == "" && e.StatusCode != 304 {
		t.Errorf("%s: got request id %q and EC %q, want both", what, e.RequestID, e.Ec)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *oss.Server, key, body string) {
	t.Helper()
	must(t, s.Put(bucketName, oss.Object{Key: key, Body: []byte(body)}))
}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

func crcOf(b []byte) uint64 { return crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)) }

func readAll(t *testing.T, r io.ReadCloser, err error) []byte {
	t.Helper()
	must(t, err)
	defer func() { must(t, r.Close()) }()
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}

// awkward keys survive the wire unchanged.
var awkward = []string{
	"a", "a b", "a+b", "a%2Fb", "a%", "a/../b", "a//b", "./a", "../a", "a/", "a?b", "a#b", "a&b=c", "<a>\"'", "\u00e9", "中文/文件", "\U0001F600",
	"a\x01b", "a\tb", "a\nb", "a\rb", "\x7f", "a\\b", "*~!@$^(){}[]|;:,", "e\u0301", strings.Repeat("k", 1023),
}

func TestAwkwardKeysGoRound(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		for _, key := range awkward {
			body := []byte("body of " + key)
			if err := b.PutObject(key, bytes.NewReader(body)); err != nil {
				t.Fatalf("put %q: %v", key, err)
			}
			if o, ok := s.Get(bucketName, key); !ok || !bytes.Equal(o.Body, body) {
				t.Errorf("the server holds %q, %v under %q, want %q", o.Body, ok, key, body)
			}
			r, err := b.GetObject(key)
			if got := readAll(t, r, err); !bytes.Equal(got, body) {
				t.Errorf("get %q = %q, want %q", key, got, body)
			}
			if _, err := b.CopyObject(key, key); err != nil {
				t.Errorf("copy %q: %v", key, err)
			}
		}
		listed := map[string]bool{}
		page, err := b.ListObjectsV2(sdk.MaxKeys(1000))
		must(t, err)
		for _, o := range page.Objects {
			listed[o.Key] = true
		}
		for _, key := range awkward {
			if !listed[key] {
				t.Errorf("%q is not listed", key)
			}
		}
		if _, err := b.DeleteObjects(awkward); err != nil {
			t.Fatal(err)
		}
		for _, key := range awkward {
			_, err := b.GetObject(key)
			wantCode(t, "get of the deleted", err, 404, "NoSuchKey")
		}
		if left := s.Keys(bucketName); len(left) > 0 {
			t.Errorf("%q are left, want nothing", left)
		}
	})
}

func TestBadKeysAreRefused(t *testing.T) {
	s := start(t)
	for name, key := range map[string]string{
		"a slash first":     "/a",
		"a backslash first": "\\a",
		"too long":          strings.Repeat("k", 1024),
		"no UTF-8":          "a\xff",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, version sdk.ClientOption) {
				wantCode(t, "put", open(t, s, version).PutObject(key, strings.NewReader("x")), 400, "InvalidObjectName")
			})
		})
	}
}

func TestPutAndHead(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		body := content(300_000)
		var h http.Header
		must(t, b.PutObject("k", bytes.NewReader(body), sdk.ContentType("text/x"), sdk.CacheControl("no-cache"), sdk.ContentDisposition("inline"),
			sdk.ContentEncoding("identity"), sdk.ContentLanguage("de"), sdk.Expires(time.Unix(0, 0)), sdk.Meta("Kodo-Hash", "Fabc"), sdk.ObjectStorageClass(sdk.StorageIA),
			sdk.ObjectACL(sdk.ACLPublicRead), sdk.SetTagging(sdk.Tagging{Tags: []sdk.Tag{{Key: "a", Value: "1 2"}}}), sdk.GetResponseHeader(&h)))
		if got, want := h.Get("X-Oss-Hash-Crc64ecma"), fmt.Sprint(crcOf(body)); got != want {
			t.Errorf("CRC64 = %s, want %s", got, want)
		}
		h, err := b.GetObjectDetailedMeta("k")
		must(t, err)
		for name, want := range map[string]string{
			"Content-Type": "text/x", "Cache-Control": "no-cache", "Content-Disposition": "inline", "Content-Encoding": "identity", "Content-Language": "de",
			"Expires": "Thu, 01 Jan 1970 00:00:00 GMT", "X-Oss-Meta-Kodo-Hash": "Fabc", "X-Oss-Storage-Class": "IA", "X-Oss-Object-Type": "Normal",
			"X-Oss-Tagging-Count": "1", "Content-Length": "300000", "Accept-Ranges": "bytes", "X-Oss-Version-Id": "", "Server": "AliyunOSS",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		o, _ := s.Get(bucketName, "k")
		if o.ETag == "" || `"`+o.ETag+`"` != h.Get("Etag") || o.ACL != "public-read" || o.Tags["a"] != "1 2" || o.Meta["kodo-hash"] != "Fabc" {
			t.Errorf("the server holds %+v, want what was sent", o)
		}
		meta, err := b.GetObjectMeta("k")
		must(t, err)
		if meta.Get("Content-Length") != "300000" || meta.Get("Etag") != h.Get("Etag") {
			t.Errorf("meta = %v, want size and ETag", meta)
		}
		acl, err := b.GetObjectACL("k")
		must(t, err)
		tags, err := b.GetObjectTagging("k")
		must(t, err)
		if acl.ACL != "public-read" || len(tags.Tags) != 1 || tags.Tags[0].Value != "1 2" {
			t.Errorf("acl %q, tags %v, want public-read and one tag", acl.ACL, tags.Tags)
		}
		must(t, b.SetObjectACL("k", sdk.ACLPrivate))
		must(t, b.PutObjectTagging("k", sdk.Tagging{Tags: []sdk.Tag{{Key: "b", Value: "2"}}}))
		if o, _ := s.Get(bucketName, "k"); o.ACL != "private" || o.Tags["b"] != "2" || len(o.Tags) != 1 {
			t.Errorf("the server holds %+v, want the new list and tag", o)
		}
		must(t, b.DeleteObjectTagging("k"))
		must(t, b.DeleteObject("k"))
		must(t, b.DeleteObject("k"))
		_, err = b.GetObjectDetailedMeta("k")
		wantCode(t, "head of nothing", err, 404, "NoSuchKey")
	})
}

func TestPresignedURLs(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		u, err := b.SignURL("dir/a b", sdk.HTTPPut, 60, sdk.ContentType("text/plain"), sdk.Meta("m", "1"))
		must(t, err)
		must(t, b.PutObjectWithURL(u, strings.NewReader("signed"), sdk.ContentType("text/plain"), sdk.Meta("m", "1")))
		wantCode(t, "put of another type", b.PutObjectWithURL(u, strings.NewReader("signed"), sdk.ContentType("text/html"), sdk.Meta("m", "1")), 403, "SignatureDoesNotMatch")
		u, err = b.SignURL("dir/a b", sdk.HTTPGet, 60, sdk.ResponseContentType("text/other"))
		must(t, err)
		resp, err := http.Get(u)
		must(t, err)
		if got := readAll(t, resp.Body, nil); string(got) != "signed" || resp.Header.Get("Content-Type") != "text/other" {
			t.Errorf("got %q of type %s, want signed, text/other", got, resp.Header.Get("Content-Type"))
		}
		resp, err = http.Get(strings.Replace(u, "dir", "dim", 1))
		must(t, err)
		if b := readAll(t, resp.Body, nil); resp.StatusCode != 403 || !strings.Contains(string(b), "SignatureDoesNotMatch") {
			t.Errorf("another key: %d %s, want SignatureDoesNotMatch", resp.StatusCode, b)
		}
	})
}

func TestTemporaryCredentials(t *testing.T) {
	each(t, func(t *testing.T, version sdk.ClientOption) {
		now := time.Now()
		s := start(t)
		add := func(id, token string, end time.Time) {
			s.AddCredential(oss.Credential{ID: id, Secret: "s-" + id, Token: token, Expires: end})
		}
		add("STS.1", "token-1", now.Add(time.Hour))
		add("STS.2", "token-2", time.Time{})
		try := func(id, token string) error {
			c, err := sdk.New(s.Endpoint(), id, "s-"+id, sdk.Region(s.Region()), version, sdk.SecurityToken(token))
			must(t, err)
			b, err := c.Bucket(bucketName)
			must(t, err)
			if err := b.PutObject("k", strings.NewReader("x")); err != nil {
				return err
			}
			u, err := b.SignURL("k", sdk.HTTPGet, 60)
			must(t, err)
			r, err := b.GetObjectWithURL(u)
			if err == nil {
				_ = r.Close()
			}
			return err
		}
		must(t, try("STS.1", "token-1"))
		wantCode(t, "no token", try("STS.1", ""), 403, "InvalidAccessKeyId")
		wantCode(t, "a made-up token", try("STS.1", "x"), 403, "InvalidSecurityToken")
		wantCode(t, "a token of another", try("STS.1", "token-2"), 403, "AccessKeyIdAndSecurityTokenNotMatch")
		add("STS.1", "token-1", now.Add(-time.Second))
		wantCode(t, "an expired token", try("STS.1", "token-1"), 403, "SecurityTokenExpired")
		add("STS.1", "token-3", now.Add(time.Hour))
		must(t, try("STS.1", "token-3"))
		s.RemoveCredential("STS.1")
		wantCode(t, "a removed id", try("STS.1", "token-3"), 403, "InvalidAccessKeyId")
	})
}
