package oss_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/emulator/oss"
)

func md5Header(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestWhatPutRefuses(t *testing.T) {
	meta := func(n int) sdk.Option { return sdk.Meta("m", strings.Repeat("x", n)) }
	for name, tc := range map[string]struct {
		options []sdk.Option
		status  int
		code    string
	}{
		"the MD5 of something else":       {[]sdk.Option{sdk.ContentMD5(md5Header([]byte("y")))}, 400, "InvalidDigest"},
		"an MD5 that is none":             {[]sdk.Option{sdk.ContentMD5("eA==")}, 400, "InvalidDigest"},
		"an MD5 that is no base64":        {[]sdk.Option{sdk.ContentMD5("?")}, 400, "InvalidDigest"},
		"metadata over 8 KB":              {[]sdk.Option{meta(8 << 10)}, 400, "InvalidArgument"},
		"metadata named with underscore":  {[]sdk.Option{sdk.Meta("a_b", "x")}, 400, "InvalidArgument"},
		"metadata named with a dot":       {[]sdk.Option{sdk.Meta("a.b", "x")}, 400, "InvalidArgument"},
		"metadata without a name":         {[]sdk.Option{sdk.Meta("", "x")}, 400, "InvalidArgument"},
		"another storage class":           {[]sdk.Option{sdk.ObjectStorageClass("Glacier")}, 400, "InvalidArgument"},
		"another list":                    {[]sdk.Option{sdk.ObjectACL("all")}, 400, "InvalidArgument"},
		"forbid-overwrite that is no yes": {[]sdk.Option{sdk.SetHeader("x-oss-forbid-overwrite", "abc")}, 400, "InvalidArgument"},
		"a tag named twice":               {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a=1&a=2")}, 400, "InvalidTag"},
		"eleven tags":                     {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a&b&c&d&e&f&g&h&i&j&k")}, 400, "InvalidTag"},
		"a tag with a mark":               {[]sdk.Option{sdk.SetHeader("x-oss-tagging", "a%3F=1")}, 400, "InvalidTag"},
		"a callback":                      {[]sdk.Option{sdk.SetHeader("x-oss-callback", "e30=")}, 501, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, version sdk.ClientOption) {
				s := start(t)
				put(t, s, "k", "old")
				wantCode(t, "put", open(t, s, version).PutObject("k", strings.NewReader("x"), tc.options...), tc.status, tc.code)
				if o, _ := s.Get(bucketName, "k"); string(o.Body) != "old" {
					t.Errorf("the server holds %q, want what was there", o.Body)
				}
			})
		})
	}
	s := start(t)
	must(t, open(t, s).PutObject("k", strings.NewReader("x"), meta(8<<10-1), sdk.ContentMD5(md5Header([]byte("x")))))
	must(t, open(t, s).PutObject("empty", nil))
	must(t, open(t, s).PutObject("chunked", io.MultiReader(strings.NewReader("a"), strings.NewReader("b"))))
	if o, _ := s.Get(bucketName, "chunked"); string(o.Body) != "ab" {
		t.Errorf("a chunked body was kept as %q, want ab", o.Body)
	}
	if o, ok := s.Get(bucketName, "empty"); !ok || o.Size != 0 || o.CRC64 != 0 || o.ETag != "D41D8CD98F00B204E9800998ECF8427E" {
		t.Errorf("an empty body was kept as %+v", o)
	}
}

// dial writes a request by hand, over a connection of its own.
func dial(t *testing.T, s *oss.Server, signed, head string) (net.Conn, *http.Response) {
	t.Helper()
	u, err := url.Parse(signed)
	must(t, err)
	conn, err := net.Dial("tcp", u.Host)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", u.RequestURI(), u.Host, head)
	must(t, err)
	if !strings.Contains(head, "sever") {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		return conn, resp
	}
	return conn, nil
}

func TestASeveredUploadLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct{ head, body string }{
		"by length": {"Content-Length: 1000\r\nX-Test: sever\r\n", strings.Repeat("x", 999)},
		"chunked":   {"Transfer-Encoding: chunked\r\nX-Test: sever\r\n", "5\r\nhello\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			put(t, s, "k", "old")
			s.OnStored(func(bucket string, o oss.Object) { t.Errorf("%s of %s was stored", o.Key, bucket) })
			signed, err := open(t, s).SignURL("k", sdk.HTTPPut, 60)
			must(t, err)
			conn, _ := dial(t, s, signed, tc.head)
			_, err = io.WriteString(conn, tc.body)
			must(t, err)
			// Half-closed, the server still gets to answer: then it is done with the request.
			must(t, conn.(*net.TCPConn).CloseWrite())
			_, _ = io.ReadAll(conn)
			if o, _ := s.Get(bucketName, "k"); string(o.Body) != "old" {
				t.Errorf("the server holds %q, want what was there", o.Body)
			}
		})
	}
}

func TestLengthsAreCheckedBeforeTheBodyComes(t *testing.T) {
	s := start(t)
	signed, err := open(t, s).SignURL("k", sdk.HTTPPut, 60)
	must(t, err)
	for name, tc := range map[string]struct {
		head, code string
		status     int
	}{
		"over 5 GB":     {fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", 5<<30+1), "EntityTooLarge", 400},
		"not said":      {"", "MissingContentLength", 411},
		"not said, but": {"Content-Length: 0\r\n", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			_, resp := dial(t, s, signed, tc.head)
			if b := readAll(t, resp.Body, nil); resp.StatusCode != tc.status || !strings.Contains(string(b), tc.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, b, tc.status, tc.code)
			}
		})
	}
}

func TestForbidOverwrite(t *testing.T) {
	for state, refused := range map[string]bool{"": true, "Enabled": false, "Suspended": false} {
		t.Run("versioning "+state, func(t *testing.T) {
			both(t, func(t *testing.T, version sdk.ClientOption) {
				s := start(t)
				b := open(t, s, version)
				must(t, s.SetVersioning(bucketName, state))
				must(t, b.PutObject("k", strings.NewReader("1"), sdk.ForbidOverWrite(true)))
				put(t, s, "src", "2")
				for name, do := range map[string]func() error{
					"put":  func() error { return b.PutObject("k", strings.NewReader("2"), sdk.ForbidOverWrite(true)) },
					"copy": func() error { _, err := b.CopyObject("src", "k", sdk.ForbidOverWrite(true)); return err },
					"complete": func() error {
						up, err := b.InitiateMultipartUpload("k")
						must(t, err)
						p, err := b.UploadPart(up, strings.NewReader("2"), 1, 1)
						must(t, err)
						_, err = b.CompleteMultipartUpload(up, []sdk.UploadPart{p}, sdk.ForbidOverWrite(true))
						return err
					},
				} {
					err := do()
					o, _ := s.Get(bucketName, "k")
					if !refused {
						must(t, err)
						if string(o.Body) != "2" {
							t.Errorf("%s: the server holds %q, want 2", name, o.Body)
						}
						continue
					}
					wantCode(t, name, err, 409, "FileAlreadyExists")
					if string(o.Body) != "1" {
						t.Errorf("%s: the server holds %q, want 1", name, o.Body)
					}
				}
			})
		})
	}
}

func TestOneOfManyWinsARaceThatForbidsOverwriting(t *testing.T) {
	s := start(t)
	var wins atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		b := open(t, s)
		all.Go(func() {
			if b.PutObject("record", strings.NewReader(fmt.Sprint(i)), sdk.ForbidOverWrite(true)) == nil {
				wins.Add(1)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d puts won, want 1", wins.Load())
	}
}

func TestRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		header, standard string // what comes, by default and with x-oss-range-behavior: standard
	}{
		"bytes=0-4":     {"206 01234", "206 01234"},
		"bytes=5-":      {"206 56789", "206 56789"},
		"bytes=-3":      {"206 789", "206 789"},
		"bytes=0-":      {"206 0123456789", "206 0123456789"},
		"bytes=9-9":     {"206 9", "206 9"},
		"bytes=5-20":    {"200 0123456789", "206 56789"},
		"bytes=10-20":   {"200 0123456789", "416 InvalidRange"},
		"bytes=10-":     {"200 0123456789", "416 InvalidRange"},
		"bytes=-20":     {"200 0123456789", "206 0123456789"},
		"bytes=-0":      {"200 0123456789", "416 InvalidRange"},
		"bytes=4-2":     {"200 0123456789", "200 0123456789"},
		"byte=0-4":      {"200 0123456789", "200 0123456789"},
		"bytes=a-b":     {"200 0123456789", "200 0123456789"},
		"bytes=0-1,4-5": {"206 01", "206 01"},
		"bytes=-":       {"200 0123456789", "200 0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			put(t, s, "k", "0123456789")
			for behaviour, want := range map[string]string{"": tc.header, "standard": tc.standard} {
				headers := map[string]string{"Range": name}
				if behaviour != "" {
					headers["x-oss-range-behavior"] = behaviour
				}
				got := ""
				resp, err := connect(t, s).Conn.Do("GET", bucketName, "k", nil, headers, nil, 0, nil)
				if e, ok := err.(sdk.ServiceError); ok {
					got = fmt.Sprint(e.StatusCode, " ", e.Code)
				} else {
					got = fmt.Sprint(resp.StatusCode, " ", string(readAll(t, resp.Body, err)))
					if crc := resp.Headers.Get("X-Oss-Hash-Crc64ecma"); crc != fmt.Sprint(crcOf([]byte("0123456789"))) {
						t.Errorf("CRC64 = %s, want that of the whole", crc)
					}
				}
				if got != want {
					t.Errorf("%q: got %s, want %s", behaviour, got, want)
				}
			}
		})
	}
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	for name, tc := range map[string]struct {
		option sdk.Option
		status int
		code   string
	}{
		"If-Match of its ETag":             {sdk.IfMatch(`"9DD4E461268C8034F5C8564E155C67A6"`), 200, ""},
		"If-Match without quotes":          {sdk.IfMatch("9DD4E461268C8034F5C8564E155C67A6"), 200, ""},
		"If-Match of another":              {sdk.IfMatch(`"x"`), 412, "PreconditionFailed"},
		"If-None-Match of another":         {sdk.IfNoneMatch(`"x"`), 200, ""},
		"If-None-Match of its ETag":        {sdk.IfNoneMatch(`"9DD4E461268C8034F5C8564E155C67A6"`), 304, ""},
		"modified since before":            {sdk.IfModifiedSince(at.Add(-time.Second)), 200, ""},
		"modified since then":              {sdk.IfModifiedSince(at), 304, ""},
		"unmodified since then":            {sdk.IfUnmodifiedSince(at), 200, ""},
		"unmodified since before":          {sdk.IfUnmodifiedSince(at.Add(-time.Second)), 412, "PreconditionFailed"},
		"a time that is none is no matter": {sdk.SetHeader("If-Modified-Since", "yesterday"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			must(t, s.Put(bucketName, oss.Object{Key: "k", Body: []byte("x"), LastModified: at}))
			b := open(t, s)
			r, err := b.GetObject("k", tc.option)
			switch {
			case tc.status == 200:
				readAll(t, r, err)
			case tc.status == 304:
				if err == nil || !strings.Contains(err.Error(), "304") {
					t.Errorf("got %v, want 304", err)
				}
			default:
				wantCode(t, "get", err, tc.status, tc.code)
			}
		})
	}
	s := start(t)
	must(t, s.Put(bucketName, oss.Object{Key: "k", Body: []byte("x"), LastModified: at}))
	_, err := open(t, s).CopyObject("k", "k2", sdk.CopySourceIfMatch(`"x"`))
	wantCode(t, "copy", err, 412, "PreconditionFailed")
}

func TestCopies(t *testing.T) {
	both(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		must(t, s.CreateBucket("bucket-2"))
		b := open(t, s, version)
		must(t, b.PutObject("a", strings.NewReader("body"), sdk.Meta("m", "1"), sdk.ContentType("a/b"), sdk.SetTagging(sdk.Tagging{Tags: []sdk.Tag{{Key: "t", Value: "1"}}})))
		_, err := b.CopyObjectTo("bucket-2", "b", "a", sdk.Meta("m", "ignored"))
		must(t, err)
		_, err = b.CopyObject("a", "c", sdk.Meta("m", "2"), sdk.MetadataDirective(sdk.MetaReplace), sdk.TaggingDirective(sdk.TaggingReplace))
		must(t, err)
		_, err = b.CopyObject("a", "a", sdk.Meta("m", "3"))
		must(t, err)
		for where, want := range map[string]string{"bucket-2/b": "body a/b 1 map[t:1]", bucketName + "/c": "body application/octet-stream 2 map[]", bucketName + "/a": "body application/octet-stream 3 map[t:1]"} {
			bucket, key, _ := strings.Cut(where, "/")
			o, _ := s.Get(bucket, key)
			if got := fmt.Sprint(string(o.Body), " ", o.Header.Get("Content-Type"), " ", o.Meta["m"], " ", o.Tags); got != want || o.CRC64 != crcOf([]byte("body")) {
				t.Errorf("%s is %s, want %s", where, got, want)
			}
		}
		_, err = b.CopyObject("missing", "d")
		wantCode(t, "copy of nothing", err, 404, "NoSuchKey")
		_, err = b.CopyObjectFrom("bucket-3", "a", "d")
		wantCode(t, "copy from nowhere", err, 404, "NoSuchBucket")
	})
}

func TestAppends(t *testing.T) {
	both(t, func(t *testing.T, version sdk.ClientOption) {
		s := start(t)
		b := open(t, s, version)
		a, z := content(200_000), content(77)
		next, err := b.AppendObject("log", bytes.NewReader(a), 0, sdk.Meta("m", "1"))
		must(t, err)
		next, err = b.AppendObject("log", bytes.NewReader(z), next)
		must(t, err)
		whole := append(bytes.Clone(a), z...)
		o, _ := s.Get(bucketName, "log")
		if next != int64(len(whole)) || !bytes.Equal(o.Body, whole) || o.CRC64 != crcOf(whole) || o.Type != "Appendable" || o.Meta["m"] != "1" {
			t.Errorf("next %d, %d bytes, CRC64 %d, type %s, want %d and the whole", next, len(o.Body), o.CRC64, o.Type, len(whole))
		}
		_, err = b.AppendObject("log", strings.NewReader("x"), 5)
		wantCode(t, "another position", err, 409, "PositionNotEqualToLength")
		put(t, s, "normal", "x")
		_, err = b.AppendObject("normal", strings.NewReader("x"), 1)
		wantCode(t, "a normal object", err, 409, "ObjectNotAppendable")
		_, err = b.AppendObject("missing", strings.NewReader("x"), 1)
		wantCode(t, "nothing, not from 0", err, 409, "PositionNotEqualToLength")
		_, err = connect(t, s, version).Conn.Do("POST", bucketName, "x", map[string]any{"append": nil}, nil, strings.NewReader("x"), 0, nil)
		wantCode(t, "no position", err, 400, "MissingArgument")
	})
}

func TestFrozenObjectsAreReadOnceRestored(t *testing.T) {
	now := atomic.Int64{}
	now.Store(time.Now().Unix())
	s := start(t, func(c *oss.Config) { c.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	b := open(t, s)
	must(t, b.PutObject("k", strings.NewReader("cold"), sdk.ObjectStorageClass(sdk.StorageArchive)))
	put(t, s, "warm", "x")
	_, err := b.GetObject("k")
	wantCode(t, "get of the frozen", err, 403, "InvalidObjectState")
	_, err = b.CopyObject("k", "copy")
	wantCode(t, "copy of the frozen", err, 403, "InvalidObjectState")
	must(t, b.RestoreObject("k"))
	wantCode(t, "restore again", b.RestoreObject("k"), 409, "RestoreAlreadyInProgress")
	wantCode(t, "restore of what is not frozen", b.RestoreObject("warm"), 400, "OperationNotSupported")
	_, err = b.GetObject("k")
	wantCode(t, "get while it thaws", err, 403, "InvalidObjectState")
	h, err := b.GetObjectDetailedMeta("k")
	must(t, err)
	if got := h.Get("X-Oss-Restore"); got != `ongoing-request="true"` {
		t.Errorf("x-oss-restore = %s, want ongoing", got)
	}
	now.Add(61)
	r, err := b.GetObject("k")
	if got := readAll(t, r, err); string(got) != "cold" {
		t.Errorf("got %q, want cold", got)
	}
	must(t, s.Put(bucketName, oss.Object{Key: "deep", Body: []byte("x"), Class: "DeepColdArchive"}))
	must(t, s.Thaw(bucketName, "deep"))
	r, err = b.GetObject("deep")
	readAll(t, r, err)
}

func TestAttributesOnly(t *testing.T) {
	s := start(t, func(c *oss.Config) { c.AttributesOnly = true })
	b := open(t, s)
	body := content(300_000)
	must(t, b.PutObject("k", bytes.NewReader(body), sdk.ContentMD5(md5Header(body)), sdk.Meta("m", "1")))
	o, _ := s.Get(bucketName, "k")
	sum := md5.Sum(body)
	if o.CRC64 != crcOf(body) || o.Size != 300_000 || o.Body != nil || o.Meta["m"] != "1" || o.ETag != fmt.Sprintf("%X", sum) {
		t.Errorf("the server holds %+v, want attributes and no body", o)
	}
	_, err := b.GetObject("k")
	wantCode(t, "get", err, 400, "BodyNotKept")
	must(t, b.PutObject("empty", nil))
	r, err := b.GetObject("empty")
	readAll(t, r, err)
	whole := open(t, start(t, func(c *oss.Config) {
		c.AttributesOnly, c.Keep = true, func(_, key string) bool { return key == "ledger" }
	}))
	must(t, whole.PutObject("ledger", strings.NewReader("record")))
	r, err = whole.GetObject("ledger")
	if got := readAll(t, r, err); string(got) != "record" {
		t.Errorf("what is to be kept reads %q, want record", got)
	}
	_, err = b.CopyObject("k", "k2")
	must(t, err)
	if o, _ := s.Get(bucketName, "k2"); o.CRC64 != crcOf(body) {
		t.Errorf("the copy has CRC64 %d, want %d", o.CRC64, crcOf(body))
	}
}
